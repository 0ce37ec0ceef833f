package dev.gambit.app;

import dev.gambit.engine.LanguageModel;
import dev.gambit.engine.gguf.GgufFile;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;

/**
 * What a first token would wait for, done on a thread of its own while the main one takes the options apart, which takes a
 * quarter of a second: the model's header is read, and what the engine needs is loaded.
 */
final class Ahead {

    private static Ahead begun;

    private final Path path;
    private final FutureTask<GgufFile> file;

    private Ahead(Path path) {
        this.path = path;
        file = new FutureTask<>(() -> GgufFile.open(path));
    }

    /** Begins with what the command line seems to ask for. */
    static synchronized void start(String... args) {
        Path model = model(args);
        begun = model == null ? null : new Ahead(model);
        Ahead ahead = begun;
        Thread.ofPlatform().daemon().name("gambit-prepare").start(() -> {
            if (ahead != null) {
                ahead.file.run();
            }
            LanguageModel.prepare();
        });
    }

    private static Path model(String... args) {
        try {
            for (int i = args.length - 2; i > 0; i--) {
                if (args[i].equals("-m") || args[i].equals("--model")) {
                    return Path.of(args[i + 1]);
                }
            }
        } catch (InvalidPathException e) {
            return null; // the main thread will say so
        }
        return null;
    }

    /** Opens a file, the one that was begun with or another. */
    static synchronized GgufFile open(Path path) {
        Ahead ahead = begun;
        begun = null;
        if (ahead != null && ahead.path.equals(path)) {
            ahead.file.run(); // where the thread has not come to it
            try {
                return ahead.file.get();
            } catch (ExecutionException e) {
                // opened once more, which says what is wrong in its own words
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        }
        return GgufFile.open(path);
    }
}
