package dev.gambit.app;

import dev.gambit.engine.gguf.GgufFile;
import dev.gambit.engine.gguf.GgufInspect;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Lists what a GGUF file holds. */
@Command(
        name = "inspect",
        description = "Lists the metadata and the tensors of a GGUF file, as gguf-dump does.",
        descriptionHeading = "%n",
        synopsisHeading = "Usage: ",
        customSynopsis = "gambit inspect FILE",
        addMethodSubcommands = false,
        sortOptions = false)
final class InspectCommand implements Callable<Integer> {

    @Parameters(index = "0", paramLabel = "FILE", description = "a model, or a sidecar with thresholds")
    private Path file;

    @Option(names = {"-v", "--verbose"}, description = "say where an error came from")
    private boolean verbose;

    @Option(names = {"-h", "--help"}, usageHelp = true, description = "show this help")
    private boolean help;

    @Override
    public Integer call() {
        try (GgufFile open = GgufFile.open(file)) {
            GgufInspect.print(open, System.out);
        }
        return 0;
    }
}
