package dev.gambit.cuda;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.HexFormat;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** Each committed PTX file was made of the source beside it: no compiler is needed to tell. */
class PtxSourcesTest {

    private static final Path SOURCES = Path.of("src/main/cuda");
    private static final Path PTX = Path.of("src/main/resources/dev/gambit/cuda/ptx");
    private static final Pattern HEADER = Pattern.compile("// source (\\S+\\.cu) sha256 ([0-9a-f]{64})\n");

    private static List<Path> files(Path folder, String suffix) throws IOException {
        try (Stream<Path> all = Files.walk(folder)) {
            return all.filter(p -> p.toString().endsWith(suffix)).sorted().toList();
        }
    }

    /** The source's bytes, then every header's that it includes, in the order of their names: as build-ptx.sh does. */
    private static String digest(Path source) throws Exception {
        MessageDigest sha = MessageDigest.getInstance("SHA-256");
        sha.update(Files.readAllBytes(source));
        Set<String> headers = new TreeSet<>();
        include(source, headers);
        for (String header : headers) {
            sha.update(Files.readAllBytes(SOURCES.resolve(header)));
        }
        return HexFormat.of().formatHex(sha.digest());
    }

    private static void include(Path file, Set<String> headers) throws IOException {
        Matcher included = Pattern.compile("(?m)^#include \"(.*)\"").matcher(Files.readString(file));
        while (included.find()) {
            if (headers.add(included.group(1))) {
                include(SOURCES.resolve(included.group(1)), headers);
            }
        }
    }

    @Test
    void everyPtxIsOfItsSource() throws Exception {
        List<Path> ptx = files(PTX, ".ptx");
        assertFalse(ptx.isEmpty());
        for (Path file : ptx) {
            Matcher header = HEADER.matcher(Files.readString(file));
            assertTrue(header.lookingAt(), file + ": expected its source and hash in the first line");
            Path source = SOURCES.resolve(header.group(1));
            assertTrue(Files.exists(source), file + ": its source " + source + " is not there");
            assertEquals(
                    digest(source), header.group(2),
                    file + " is not of this " + source.getFileName() + ": run cuda-kernels/build-ptx.sh and commit");
            assertEquals(
                    source.getFileName().toString().replace(".cu", ""),
                    file.getFileName().toString().replaceFirst("\\..*", ""),
                    file + ": named after another source");
        }
    }

    @Test
    void everySourceHasItsPtxInEverySetAndForm() throws IOException {
        Set<String> forms = Stream.of(WeightForm.values()).map(WeightForm::kernelName).collect(Collectors.toSet());
        for (Path source : files(SOURCES, ".cu")) {
            String text = Files.readString(source);
            String name = source.getFileName().toString().replace(".cu", "");
            Matcher named = Pattern.compile("// ptx sets: (.*)").matcher(text);
            for (String set : (named.find() ? named.group(1) : "compute_80 sm_90").trim().split(" ")) {
                Set<String> found = new TreeSet<>();
                for (Path p : files(PTX.resolve(set), ".ptx")) {
                    found.add(p.getFileName().toString());
                }
                for (String form : text.contains("GAMBIT_KERNEL") ? forms : Set.of("")) {
                    String file = name + (form.isEmpty() ? "" : "." + form) + ".ptx";
                    assertTrue(found.contains(file), set + "/" + file + ": missing; run cuda-kernels/build-ptx.sh");
                }
            }
        }
    }

    @Test
    void setsAreForWhatTheySay() throws IOException {
        for (Path file : files(PTX, ".ptx")) {
            String text = Files.readString(file);
            boolean old = file.getParent().endsWith(PtxSet.COMPUTE_80.folder());
            assertTrue(text.contains("\n.version " + (old ? "7.8" : "8.0") + "\n"), file + ": another ISA version");
            assertTrue(text.contains("\n.target " + (old ? "sm_80" : "sm_90") + "\n"), file + ": another target");
        }
    }
}
