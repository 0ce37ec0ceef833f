package dev.gambit.app;

import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** The documentation's tables are what the command prints today. */
class JetsonPredictionTest {

    private static final Path PAGE = Path.of("../docs/jetson.md");

    @ParameterizedTest
    @EnumSource(JetsonPrediction.Board.class)
    void thePageHoldsTheTable(JetsonPrediction.Board board) throws Exception {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        JetsonPrediction.print(board, new PrintStream(out, true, StandardCharsets.UTF_8));
        String table = out.toString(StandardCharsets.UTF_8).replace(System.lineSeparator(), "\n");
        assertTrue(Files.readString(PAGE).contains(table),
                () -> "docs/jetson.md holds an older table; put in what gambit bench --predict " + board + " prints:\n"
                        + table);
    }
}
