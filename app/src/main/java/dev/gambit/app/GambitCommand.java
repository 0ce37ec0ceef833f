package dev.gambit.app;

import picocli.CommandLine.Command;
import picocli.CommandLine.IVersionProvider;
import picocli.CommandLine.Option;

/** What {@code gambit} says without a sub-command. */
@Command(
        name = "gambit",
        description = "Runs language models from GGUF files, and reads only the weights that matter for the token at hand.",
        versionProvider = GambitCommand.Version.class,
        addMethodSubcommands = false,
        customSynopsis = "gambit COMMAND [OPTION...]",
        synopsisHeading = "Usage: ",
        descriptionHeading = "%n",
        optionListHeading = "%n@|bold Options|@%n",
        commandListHeading = "%n@|bold Commands|@%n",
        footerHeading = "%n@|bold Try|@%n",
        footer = {
            "  gambit generate -p \"Once upon a time\"          a story from the small model that comes with Gambit",
            "  gambit generate -m model.gguf -p \"Hello\"       the same from a model of yours",
            "  gambit generate --help                         all options of a command",
            "",
            "Options, defaults and output are llama.cpp's wherever it has them."
        })
final class GambitCommand {

    @Option(names = {"-h", "--help"}, usageHelp = true, description = "show this help")
    private boolean help;

    @Option(names = {"-V", "--version"}, versionHelp = true, description = "show the version, the JVM and the machine")
    private boolean version;

    /** Prints what a report of a fault should say. */
    static final class Version implements IVersionProvider {
        @Override
        public String[] getVersion() {
            return new String[] {
                "gambit " + Main.version(),
                "java " + Runtime.version() + " (" + System.getProperty("java.vm.name") + "), "
                        + System.getProperty("os.name") + " " + System.getProperty("os.arch")
            };
        }
    }
}
