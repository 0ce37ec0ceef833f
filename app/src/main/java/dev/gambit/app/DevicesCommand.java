package dev.gambit.app;

import dev.gambit.engine.BackendChoice;
import dev.gambit.engine.EmbeddedModel;
import dev.gambit.engine.LanguageModel;
import dev.gambit.engine.ModelOptions;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** Lists what models can run on here. */
@Command(
        name = "devices",
        description = "Lists what models can run on here, and why not on something else.",
        descriptionHeading = "%n",
        synopsisHeading = "Usage: ",
        customSynopsis = "gambit devices",
        addMethodSubcommands = false,
        sortOptions = false)
final class DevicesCommand implements Callable<Integer> {

    @Option(names = {"-v", "--verbose"}, description = "say where an error came from")
    private boolean verbose;

    @Option(names = {"-h", "--help"}, usageHelp = true, description = "show this help")
    private boolean help;

    @Override
    public Integer call() {
        String backend;
        // asking a model that runs is the only answer that cannot be wrong
        try (LanguageModel model = EmbeddedModel.open(ModelOptions.builder().backend(BackendChoice.CPU).build())) {
            backend = model.backendName();
        }
        System.out.println("Available devices:");
        System.out.println("  " + backend);
        System.out.println("    processor   " + Machine.processor());
        System.out.println("    processors  " + Runtime.getRuntime().availableProcessors()
                + " that this process may use");
        System.out.println("    memory      " + Machine.memory() + ", of which up to "
                + Numbers.bytes(Runtime.getRuntime().maxMemory()) + " for the Java heap; weights lie outside of it");
        CudaReport cuda = new CudaReport();
        cuda.available().forEach(System.out::println);
        if (!cuda.unavailable().isEmpty()) {
            System.out.println("Not available:");
            cuda.unavailable().forEach(System.out::println);
        }
        return 0;
    }
}
