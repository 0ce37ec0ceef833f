package dev.gambit.engine;

import dev.gambit.engine.gguf.GgufFile;
import dev.gambit.engine.sparsity.Sidecar;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.FileAttribute;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * The model that comes with Gambit: {@code fable-7m}, 7.3 million parameters that write very simple stories, with a
 * sidecar of thresholds for it. It lies in the jar, so it is there without a download and without a network.
 */
public final class EmbeddedModel {

    /** What to call it. */
    public static final String NAME = "fable-7m";

    private static final String MODEL = "fable-7m-q8_0.gguf";
    private static final String SIDECAR = "fable-7m.chess.gguf";
    private static final int ATTEMPTS = 100;
    private static final int PIECE = 1 << 20;
    private static final AtomicInteger FOLDERS = new AtomicInteger();

    private EmbeddedModel() {}

    /** Returns whether thresholds come with it, so that it can run sparsely. */
    public static boolean hasThresholds() {
        return EmbeddedModel.class.getResource(SIDECAR) != null;
    }

    /**
     * Opens it. A {@link Sparsity} without a sidecar means the thresholds that come with it.
     *
     * <p>A GGUF file is mapped, and what is in a jar cannot be, so it passes through a folder of its own under
     * {@code java.io.tmpdir}, which is gone again when this method returns or throws.
     *
     * @throws GambitException where that folder cannot be written, or the options do not fit
     */
    public static LanguageModel open(ModelOptions options) {
        Path folder = newFolder();
        Thread atExit = new Thread(() -> delete(folder), "gambit-delete-" + folder.getFileName());
        boolean hooked = hook(atExit);
        try {
            Path model = extract(MODEL, folder);
            Sparsity s = options.sparsity();
            if (s != null && s.sidecar() == null && options.thresholds() == null && hasThresholds()) {
                return LanguageModel.open(
                        model, with(options, new Sparsity(extract(SIDECAR, folder), s.policy(), s.level())));
            }
            return LanguageModel.open(model, options);
        } finally {
            delete(folder);
            unhook(atExit, hooked);
        }
    }

    /**
     * Returns the thresholds that come with it.
     *
     * @throws GambitException where there are none, or the folder for temporary files cannot be written
     */
    public static Sidecar sidecar() {
        Path folder = newFolder();
        try (GgufFile model = GgufFile.open(extract(MODEL, folder))) {
            return Sidecar.open(extract(SIDECAR, folder), model);
        } finally {
            delete(folder);
        }
    }

    private static ModelOptions with(ModelOptions o, Sparsity sparsity) {
        return new ModelOptions(
                o.contextLength(),
                o.threads(),
                o.cacheTypeK(),
                o.cacheTypeV(),
                sparsity,
                o.thresholds(),
                o.densePrefill(),
                o.backend(),
                o.cudaDriver(),
                o.loadListener());
    }

    /**
     * Makes a folder for this process only. Not with {@code Files.createTempDirectory}, whose random numbers cost a
     * start-up tens of milliseconds: a name that is taken is never used, so it need not be a secret.
     */
    private static Path newFolder() {
        Path parent = Path.of(System.getProperty("java.io.tmpdir", "."));
        String name = "gambit-" + ProcessHandle.current().pid() + "-" + Long.toHexString(System.nanoTime()) + "-";
        FileAttribute<?>[] mine = parent.getFileSystem().supportedFileAttributeViews().contains("posix")
                ? new FileAttribute<?>[] {PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString(
                        "rwx------"))}
                : new FileAttribute<?>[0];
        for (int i = 0;; i++) {
            try {
                return Files.createDirectory(parent.resolve(name + FOLDERS.incrementAndGet()), mine);
            } catch (FileAlreadyExistsException e) {
                if (i == ATTEMPTS) {
                    throw unwritable(parent, e);
                }
            } catch (IOException e) {
                throw unwritable(parent, e);
            }
        }
    }

    private static Path extract(String resource, Path folder) {
        Path file = folder.resolve(resource);
        try (InputStream in = EmbeddedModel.class.getResourceAsStream(resource)) {
            if (in == null) {
                throw new GambitException(GambitException.line(
                        "the embedded model " + NAME, "the resource " + resource, "none",
                        "use an unshortened gambit-engine jar, or pass a model file"));
            }
            // large pieces, because a start-up still interprets this loop
            byte[] piece = new byte[PIECE];
            try (OutputStream out = Files.newOutputStream(file, StandardOpenOption.CREATE_NEW,
                    StandardOpenOption.WRITE)) {
                for (int n = in.read(piece); n >= 0; n = in.read(piece)) {
                    out.write(piece, 0, n);
                }
            }
            return file;
        } catch (IOException e) {
            throw unwritable(folder.getParent(), e);
        }
    }

    private static GambitException unwritable(Path parent, IOException e) {
        String why = e.getMessage() == null || e.getMessage().startsWith(parent.toString())
                ? e.getClass().getSimpleName().replace("Exception", "")
                : e.getMessage();
        return new GambitException(GambitException.line(
                "the embedded model " + NAME, "to be able to write 8 MB to " + parent, why,
                "name another folder with the JVM option -Djava.io.tmpdir=FOLDER, or pass a model file"), e);
    }

    private static void delete(Path folder) {
        deleteQuietly(folder.resolve(MODEL));
        deleteQuietly(folder.resolve(SIDECAR));
        deleteQuietly(folder);
    }

    private static void deleteQuietly(Path path) {
        try {
            Files.deleteIfExists(path);
        } catch (IOException e) {
            // it is in the folder for what may be deleted at any time, and the model is open
        }
    }

    /** Has the folder deleted where the process is told to end meanwhile; false where it is ending already. */
    private static boolean hook(Thread atExit) {
        try {
            Runtime.getRuntime().addShutdownHook(atExit);
            return true;
        } catch (IllegalStateException e) {
            return false;
        }
    }

    private static void unhook(Thread atExit, boolean hooked) {
        if (hooked) {
            try {
                Runtime.getRuntime().removeShutdownHook(atExit);
            } catch (IllegalStateException e) {
                // the process is ending, and the folder is gone
            }
        }
    }
}
