package dev.gambit.engine;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.JsonNode;
import dev.gambit.engine.testing.ChildJvm;
import dev.gambit.engine.testing.GenerateMain;
import dev.gambit.engine.testing.OpenCloseMain;
import dev.gambit.engine.testing.Reference;
import dev.gambit.engine.testing.SharedFolder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

/** JVMs started in other ways: without options, with little heap, on another processor; and one that opens again and again. */
class ChildProcessTest {

    private static final String VECTOR = "--add-modules=jdk.incubator.vector";
    private static final String NATIVE = "--enable-native-access=ALL-UNNAMED";

    private static String continuation(JsonNode completion, int tokens) {
        return Arrays.stream(Reference.ints(completion.get("completion_token_ids")))
                .limit(tokens)
                .mapToObj(Integer::toString)
                .collect(Collectors.joining(","));
    }

    @Test
    void withoutTheVectorApiOneWarningNamesTheCure() {
        JsonNode c = Reference.fableCases().get(0);
        ChildJvm child = ChildJvm.run(
                List.of(NATIVE), GenerateMain.class, Reference.fable().toString(), "24", c.get("prompt").asText());
        List<String> lines = child.lines();
        assertEquals("CPU (scalar, 2 threads)", lines.get(0));
        assertEquals(continuation(c, 24), lines.get(1));
        assertEquals(2, lines.size(), child.out());
        List<String> warnings =
                child.err().lines().filter(line -> line.contains("WARNING")).toList();
        assertEquals(1, warnings.size(), child.err());
        assertTrue(warnings.get(0).contains("--add-modules jdk.incubator.vector"), child.err());
    }

    /** No option at all: the class path, and nothing else. */
    @Test
    void withoutAnyOptionItStillWorks() {
        JsonNode c = Reference.fableCases().get(1);
        ChildJvm child = ChildJvm.run(
                List.of(), GenerateMain.class, Reference.fable().toString(), "8", c.get("prompt").asText());
        assertEquals(continuation(c, 8), child.lines().get(1), child.err());
    }

    @Test
    void scalarKernelsCanBeAskedFor() {
        JsonNode c = Reference.fableCases().get(1);
        ChildJvm child = ChildJvm.run(
                List.of(VECTOR, NATIVE, "-Dgambit.kernels=scalar"),
                GenerateMain.class,
                Reference.fable().toString(),
                "8",
                c.get("prompt").asText());
        assertEquals(List.of("CPU (scalar, 2 threads)", continuation(c, 8)), child.lines());
        assertTrue(!child.err().contains("add-modules"), child.err());
    }

    /** The weights, 98 MB, are off the heap. */
    @Test
    void aSmallHeapHoldsALargerModel() {
        JsonNode c = Reference.lines(SharedFolder.require("reference/smollm2-greedy-f16.jsonl")).get(0);
        ChildJvm child = ChildJvm.run(
                List.of(VECTOR, NATIVE, "-Xmx96m", "-XX:+UseSerialGC"),
                GenerateMain.class,
                SharedFolder.smolLm2().toString(),
                "5",
                c.get("prompt").asText());
        assertEquals(continuation(c, 5), child.lines().get(1), child.err());
    }

    @Test
    void openingAndClosingLeavesNothingBehind() {
        assumeTrue(Files.exists(Path.of("/proc/self/maps")), "no /proc to read resident memory from");
        int cycles = 30;
        List<String> lines = ChildJvm.run(
                List.of(VECTOR, NATIVE, "-Xmx64m", "-XX:+UseSerialGC"),
                OpenCloseMain.class,
                Reference.fable().toString(),
                Integer.toString(cycles))
                .lines();
        assertEquals(cycles, lines.size());
        long[] early = numbers(lines.get(9));
        long[] late = numbers(lines.get(cycles - 1));
        // A model is 8 MB and its cache 4 MB in use: 20 cycles would leave 160 MB behind. Compiled code and heap may grow.
        assertTrue(late[0] - early[0] < 20_000, "resident KiB: " + early[0] + " to " + late[0]);
        assertTrue(late[1] - early[1] < 30, "mappings: " + early[1] + " to " + late[1]);
        assertTrue(late[2] - early[2] < 3, "threads: " + early[2] + " to " + late[2]);
        assertTrue(late[3] - early[3] < 3, "open files: " + early[3] + " to " + late[3]);
    }

    private static long[] numbers(String line) {
        return Arrays.stream(line.split(" ")).mapToLong(Long::parseLong).toArray();
    }

    /** An emulated Arm processor runs the scalar kernels: the same tokens as everywhere. */
    @Test
    void aarch64GivesTheSameTokens() {
        assumeTrue(
                "1".equals(System.getenv("GAMBIT_TEST_AARCH64")) || "true".equals(System.getenv("CI")),
                "an emulated aarch64 is only tried with GAMBIT_TEST_AARCH64=1 or CI=true");
        Path launcher = SharedFolder.require("tools/aarch64-java.sh");
        JsonNode c = Reference.fableCases().get(0);
        ChildJvm child = ChildJvm.command(
                List.of("bash", launcher.toString()),
                List.of(NATIVE),
                GenerateMain.class,
                Reference.fable().toString(),
                "5",
                c.get("prompt").asText());
        assertEquals(List.of("CPU (scalar, 2 threads)", continuation(c, 5)), child.lines());
    }
}
