package dev.gambit.app;

import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.PrintStream;
import java.lang.reflect.Constructor;
import java.nio.charset.Charset;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.function.Supplier;
import picocli.CommandLine;
import picocli.CommandLine.ParseResult;

/** The {@code gambit} command: finds the sub-command, runs it, and turns what goes wrong into one line and an exit status. */
public final class Main {

    /** The sub-commands, in the order in which the help lists them; made only when they are needed. */
    private static final Map<String, Supplier<Callable<Integer>>> COMMANDS = new LinkedHashMap<>();

    static {
        COMMANDS.put("generate", GenerateCommand::new);
        COMMANDS.put("chat", ChatCommand::new);
        COMMANDS.put("serve", ServeCommand::new);
        COMMANDS.put("perplexity", PerplexityCommand::new);
        COMMANDS.put("evaluate", EvaluateCommand::new);
        COMMANDS.put("report", ReportCommand::new);
        COMMANDS.put("bench", BenchCommand::new);
        COMMANDS.put("calibrate", CalibrateCommand::new);
        COMMANDS.put("inspect", InspectCommand::new);
        COMMANDS.put("devices", DevicesCommand::new);
    }

    /** Makes what annotations name. picocli's own looks all over the class path for Groovy first. */
    private static final CommandLine.IFactory FACTORY = new CommandLine.IFactory() {
        @Override
        public <K> K create(Class<K> type) throws Exception {
            if (type.isInterface()) {
                return CommandLine.defaultFactory().create(type); // a collection
            }
            Constructor<K> constructor = type.getDeclaredConstructor();
            constructor.setAccessible(true);
            return constructor.newInstance();
        }
    };

    private Main() {}

    /**
     * Runs the command line and ends the process.
     *
     * @param args a sub-command and its options
     */
    public static void main(String[] args) {
        StandardOutput sink = new StandardOutput(new FileOutputStream(FileDescriptor.out));
        // A model's text is UTF-8, whatever the locale of a container or a build server says.
        Charset charset = StandardOutput.charset();
        System.setOut(new PrintStream(sink, false, charset));
        System.setErr(new PrintStream(new FileOutputStream(FileDescriptor.err), true, charset));
        if (args.length > 0 && List.of("generate", "chat", "serve").contains(args[0])) {
            Ahead.start(args);
        }
        int status = run(args);
        try {
            System.out.flush();
        } catch (StandardOutput.Failure e) {
            status = status == 0 ? Failures.report(e, false) : status;
        }
        System.exit(status);
    }

    /**
     * Runs the command line on {@code System.in}, {@code System.out} and {@code System.err}.
     *
     * @param args a sub-command and its options
     * @return the exit status: 0; 1 where something failed at work; 2 where the options or the input cannot be used
     */
    public static int run(String... args) {
        try {
            CommandLine line = commandLine(args);
            return execute(line, line.parseArgs(args));
        } catch (Throwable t) {
            return Failures.report(t, isVerbose(args));
        }
    }

    private static boolean isVerbose(String[] args) {
        for (String arg : args) {
            if (arg.equals("-v") || arg.equals("--verbose")) {
                return true;
            }
        }
        return false;
    }

    /** Sets up the parser; with one sub-command alone where its name comes first, as the others would only cost time. */
    static CommandLine commandLine(String... args) {
        CommandLine root = new CommandLine(new GambitCommand(), FACTORY);
        Supplier<Callable<Integer>> only = args.length > 0 ? COMMANDS.get(args[0]) : null;
        if (only != null) {
            root.addSubcommand(args[0], new CommandLine(only.get(), FACTORY));
        } else {
            COMMANDS.forEach((name, command) -> root.addSubcommand(name, new CommandLine(command.get(), FACTORY)));
            root.addSubcommand("help", new CommandLine.HelpCommand());
        }
        // As llama.cpp takes its arguments: what follows an option is its value, whatever it looks like, and the last
        // of several counts. A prompt may begin with '@' or '-'. (Only an option of several values ends at an option.)
        root.setExpandAtFiles(false);
        for (CommandLine command : root.getSubcommands().values()) {
            command.setAllowOptionsAsOptionParameters(
                    command.getCommandSpec().options().stream().allMatch(option -> option.arity().max() <= 1));
        }
        root.setOverwrittenOptionsAllowed(true);
        root.setPosixClusteredShortOptionsAllowed(false);
        root.setUsageHelpWidth(100);
        root.setDefaultValueProvider(new EnvironmentDefaults(System::getenv));
        root.setCaseInsensitiveEnumValuesAllowed(true);
        HelpLayout.install(root);
        return root;
    }

    private static int execute(CommandLine root, ParseResult parsed) throws Exception {
        Integer help = CommandLine.executeHelpRequest(parsed);
        if (help != null) {
            return help;
        }
        while (parsed.hasSubcommand()) {
            parsed = parsed.subcommand();
        }
        CommandLine command = parsed.commandSpec().commandLine();
        if (command == root) {
            root.usage(System.out);
            return 0;
        }
        return command.<Callable<Integer>>getCommand().call();
    }

    /** Returns the version, such as {@code 0.1.0}; {@code development} where it runs from class files. */
    static String version() {
        String version = Main.class.getPackage().getImplementationVersion();
        return version == null ? "development" : version;
    }
}
