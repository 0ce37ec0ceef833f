package dev.gambit.app;

import dev.gambit.engine.GambitException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileSystemException;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.List;
import picocli.CommandLine.MissingParameterException;
import picocli.CommandLine.Model.ArgSpec;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.UnmatchedArgumentException;

/** Makes one line on standard error and an exit status of whatever goes wrong. */
final class Failures {

    /** Something failed at work. */
    static final int FAILED = 1;
    /** The options or the input cannot be used. */
    static final int UNUSABLE = 2;
    /** What a shell reports of a program that is killed by SIGPIPE, as others are when their reader goes. */
    static final int BROKEN_PIPE = 141;

    private Failures() {}

    /**
     * Reports a failure.
     *
     * @param failure what was thrown
     * @param verbose whether to print where it was thrown, too
     * @return the exit status
     */
    static int report(Throwable failure, boolean verbose) {
        if (failure instanceof StandardOutput.Failure f && f.isBrokenPipe()) {
            return BROKEN_PIPE;
        }
        print(message(failure));
        if (verbose) {
            failure.printStackTrace();
        }
        return status(failure);
    }

    /** Prints {@code gambit: ...} on standard error, in one line whatever the message holds. */
    static void print(String message) {
        StringBuilder line = new StringBuilder("gambit: ");
        message.codePoints().forEach(c -> {
            if (c == '\n' || c == '\r' || c == '\t') {
                line.append(' ');
            } else {
                line.appendCodePoint(Character.isISOControl(c) ? '?' : c);
            }
        });
        System.err.println(line);
    }

    private static int status(Throwable failure) {
        return switch (failure) {
            case GambitException e -> UNUSABLE;
            case ParameterException e -> UNUSABLE;
            case NoSuchFileException e -> UNUSABLE;
            case AccessDeniedException e -> UNUSABLE;
            case UncheckedIOException e -> status(e.getCause());
            default -> FAILED;
        };
    }

    private static String message(Throwable failure) {
        return switch (failure) {
            case GambitException e -> e.getMessage();
            case ParameterException e -> usage(e);
            case StandardOutput.Failure e -> GambitException.line(
                    "standard output", "room to write", e.getMessage(), "make room or write elsewhere");
            case OutOfMemoryError e -> memory(e);
            case StackOverflowError e -> GambitException.line(
                    "memory", "input that nests less deeply", "a stack that is full",
                    "enlarge it with GAMBIT_JAVA_OPTS=-Xss16m");
            case UncheckedIOException e -> file(e.getCause());
            case IOException e -> file(e);
            case InterruptedException e -> "interrupted";
            default -> GambitException.line(
                    "internal error", "none",
                    failure.getClass().getSimpleName() + (failure.getMessage() == null ? "" : " (" + failure
                            .getMessage() + ")"),
                    "run it again with --verbose and report what it prints");
        };
    }

    private static String memory(OutOfMemoryError e) {
        String found = e.getMessage() == null ? "too little" : e.getMessage();
        long heap = Runtime.getRuntime().maxMemory() >> 20;
        return found.contains("heap")
                ? GambitException.line(
                        "memory", "more than the Java heap of " + heap + " MiB", "it full",
                        "enlarge it with GAMBIT_JAVA_OPTS=-Xmx" + 2 * heap + "m")
                : GambitException.line(
                        "memory", "room for the model and its context", found,
                        "use a smaller model, a shorter context (-c) or a smaller cache type (-ctk q8_0 -ctv q8_0)");
    }

    private static String file(IOException e) {
        String what = e instanceof FileSystemException f && f.getFile() != null ? f.getFile() : "input or output";
        String found = switch (e) {
            case NoSuchFileException n -> "none";
            case AccessDeniedException a -> "no permission";
            case FileSystemException f when f.getReason() != null -> f.getReason();
            default -> e.getMessage() == null ? e.getClass().getSimpleName() : e.getMessage();
        };
        return GambitException.line(what, "a file that can be used", found, "check the path");
    }

    // --- wrong usage -------------------------------------------------------------------------------------------------

    private static String usage(ParameterException e) {
        CommandSpec command = e.getCommandLine().getCommandSpec();
        String see = "see " + command.qualifiedName() + " --help";
        if (e.getCause() instanceof GambitException cause) {
            return cause.getMessage();
        }
        return switch (e) {
            case UnmatchedArgumentException u -> unmatched(u, command, see);
            case MissingParameterException m when !m.getMissing().isEmpty() -> {
                ArgSpec missing = m.getMissing().get(0);
                yield GambitException.line(name(missing), missing.paramLabel(), "nothing", see);
            }
            default -> e.getArgSpec() == null
                    ? e.getMessage() + "; " + see
                    : GambitException.line(
                            name(e.getArgSpec()), expected(e.getArgSpec()),
                            e.getValue() == null ? "something else" : "'" + e.getValue() + "'",
                            source(e.getArgSpec()) + see);
        };
    }

    private static String unmatched(UnmatchedArgumentException e, CommandSpec command, String see) {
        String found = e.getUnmatched().isEmpty() ? "" : e.getUnmatched().get(0);
        List<String> close = e.getSuggestions();
        String cure = (close.isEmpty() ? "" : "did you mean " + close.get(0) + "? ") + see;
        if (found.startsWith("-")) {
            return GambitException.line(
                    found, "an option of " + command.qualifiedName(), "an unknown one", cure);
        }
        if (command.parent() == null) {
            return GambitException.line(found, "a command", "an unknown one", cure);
        }
        return GambitException.line(
                "'" + found + "'", "an option before it", "none", "put text with blanks in quotes; " + see);
    }

    private static String name(ArgSpec arg) {
        if (!(arg instanceof OptionSpec option)) {
            return arg.paramLabel();
        }
        String first = option.names()[0];
        return first.equals(option.longestName()) ? first : first + "/" + option.longestName();
    }

    private static String expected(ArgSpec arg) {
        Class<?> type = arg.typeInfo().getAuxiliaryTypes().length == 0 ? arg.type() : arg.typeInfo()
                .getAuxiliaryTypes()[0];
        if (type.isEnum()) {
            return arg.paramLabel();
        }
        if (type == int.class || type == Integer.class || type == long.class || type == Long.class) {
            return "a whole number";
        }
        if (type == double.class || type == Double.class || type == float.class || type == Float.class) {
            return "a number";
        }
        return type == Path.class ? "a path" : arg.paramLabel();
    }

    /** Says where a value comes from that nobody typed. */
    private static String source(ArgSpec arg) {
        String variable = EnvironmentDefaults.variable(arg);
        return variable != null && System.getenv(variable) != null && arg.originalStringValues().isEmpty()
                ? "check the environment variable " + variable + " too, "
                : "";
    }
}
