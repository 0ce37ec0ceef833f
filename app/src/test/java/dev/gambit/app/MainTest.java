package dev.gambit.app;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gambit.engine.GambitException;
import java.util.Locale;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import picocli.CommandLine;

class MainTest {

    @Test
    void withoutArgumentsItShowsWhatThereIs() {
        Run run = Run.succeeds();
        assertEquals(run, Run.succeeds("--help"));
        for (String command : new String[] {"generate", "chat", "bench", "inspect", "devices"}) {
            assertTrue(run.out().contains("\n  " + command), run.out());
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"generate", "chat", "bench", "inspect", "devices"})
    void everyCommandHasHelpOfAtMostAHundredColumns(String command) {
        Run run = Run.succeeds(command, "--help");
        assertTrue(run.out().startsWith("Usage: gambit " + command), run.out());
        assertTrue(run.out().lines().allMatch(l -> l.length() <= 100), run.out());
        assertFalse(run.out().contains("--flash-attn"), "options without effect are not for the help");
        assertEquals(run.out(), Run.succeeds("help", command).out());
    }

    @Test
    void versionSaysWhatAReportOfAFaultNeeds() {
        Run run = Run.succeeds("--version");
        assertTrue(run.out().startsWith("gambit "), run.out());
        assertTrue(run.out().contains("java " + Runtime.version()), run.out());
    }

    @Test
    void devicesNamesTheProcessorAndWhyThereIsNoCuda() {
        Run run = Run.succeeds("devices");
        assertTrue(run.out().contains("  CPU ("), run.out());
        assertTrue(run.out().contains("CUDA: "), run.out());
    }

    @Test
    void environmentVariablesAreDefaults() {
        Map<String, String> set = Map.of("LLAMA_ARG_THREADS", "3", "LLAMA_ARG_TEMPERATURE", "0", "LLAMA_ARG_MODEL", "");
        CommandLine line = Main.commandLine("generate");
        line.setDefaultValueProvider(new EnvironmentDefaults(set::get));
        var parsed = line.parseArgs("generate", "-p", "x", "--temp", "0.5").subcommand();
        assertEquals(3, parsed.commandSpec().findOption("--threads").<Integer>getValue());
        assertEquals(0.5f, parsed.commandSpec().findOption("--temp").<Float>getValue());
        assertNull(parsed.commandSpec().findOption("--model").getValue());
    }

    @Test
    void policiesGetTheirFullNames() {
        assertNull(ModelOptionsMixin.policy(null, null));
        assertEquals("chess", ModelOptionsMixin.policy("chess", null), "the file knows its default");
        assertEquals("chess-rms", ModelOptionsMixin.policy(null, ModelOptionsMixin.Importance.RMS));
        assertEquals("chess-abs", ModelOptionsMixin.policy("chess", ModelOptionsMixin.Importance.ABS));
        assertEquals("chess-attn-rms", ModelOptionsMixin.policy("chess-attn", ModelOptionsMixin.Importance.RMS));
        assertEquals("cats", ModelOptionsMixin.policy("cats", null));
        assertThrows(GambitException.class, () -> ModelOptionsMixin.policy("cats", ModelOptionsMixin.Importance.RMS));
    }

    @Test
    void numbersLookAsTheFormatterMakesThem() {
        Random random = new Random(5);
        for (int i = 0; i < 2000; i++) {
            double value = (random.nextDouble() - 0.5) * Math.pow(10, random.nextInt(9));
            int decimals = random.nextInt(4);
            String expected = String.format(Locale.ROOT, "%." + decimals + "f", value);
            // what rounds to zero has no sign here
            assertEquals(expected.matches("-0(\\.0+)?") ? expected.substring(1) : expected, Numbers.fixed(value,
                    decimals));
        }
        assertEquals("0.00", Numbers.fixed(-0.001, 2));
        assertEquals("   12.50", Numbers.fixed(12.5, 8, 2));
        assertEquals("inf", Numbers.fixed(1 / 0.0, 2));
        assertEquals("92.10 MiB", Numbers.bytes(96_573_184));
        assertEquals("134.52 M", Numbers.parameters(134_515_008));
    }

    @Test
    void escapesAreThoseOfLlamaCpp() {
        assertEquals("a\nb\tc\\d\"e'f\rg", Prompts.unescape("a\\nb\\tc\\\\d\\\"e\\'f\\rg"));
        assertEquals("A!", Prompts.unescape("\\x41!"));
        assertEquals("\\q \\x4 \\", Prompts.unescape("\\q \\x4 \\"));
        assertEquals("plain", Prompts.unescape("plain"));
    }
}
