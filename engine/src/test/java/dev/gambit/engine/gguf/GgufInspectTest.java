package dev.gambit.engine.gguf;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Against the recorded output of {@code gguf-dump}. */
class GgufInspectTest {

    @ParameterizedTest
    @CsvSource({GgufResources.MODEL + ", fable-7m-q8_0", GgufResources.EVERY_VALUE + ", every-value"})
    void printsWhatGgufDumpPrints(String model, String dump) {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try (GgufFile file = GgufFile.open(GgufResources.path(model))) {
            GgufInspect.print(file, new PrintStream(bytes, false, StandardCharsets.UTF_8));
        }
        assertEquals(GgufResources.text("/dev/gambit/engine/gguf/" + dump + ".dump.txt"),
                bytes.toString(StandardCharsets.UTF_8));
    }
}
