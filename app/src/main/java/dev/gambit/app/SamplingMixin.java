package dev.gambit.app;

import dev.gambit.engine.GambitException;
import dev.gambit.engine.SamplingOptions;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ThreadLocalRandom;
import picocli.CommandLine.Option;

/** How tokens are drawn: llama.cpp's options and defaults. */
final class SamplingMixin {

    private static final long MAX_SEED = 0xFFFF_FFFFL;

    /** The model that comes with Gambit is too small to recover from an unlikely word. */
    private static final float EMBEDDED_TEMPERATURE = 0.25f;

    @Option(names = {"--temp", "--temperature"}, paramLabel = "T",
            description = "temperature; 0 takes the likeliest token always (default: 0.8; 0.25 for the built-in model)")
    private Float temperature;

    @Option(names = "--top-k", paramLabel = "N", defaultValue = "40",
            description = "keep the N likeliest tokens; 0 for all (default: 40)")
    private int topK;

    @Option(names = "--top-p", paramLabel = "P", defaultValue = "0.95",
            description = "keep the likeliest tokens that have probability P together; 1 for all (default: 0.95)")
    private float topP;

    @Option(names = "--min-p", paramLabel = "P", defaultValue = "0.05",
            description = "drop tokens less likely than P times the likeliest; 0 for none (default: 0.05)")
    private float minP;

    @Option(names = "--repeat-last-n", paramLabel = "N", defaultValue = "64",
            description = "tokens that penalties look back on; 0 for none, -1 for all (default: 64)")
    private int repeatLastN;

    @Option(names = "--repeat-penalty", paramLabel = "X", defaultValue = "1.0",
            description = "make tokens seen before less likely; 1 for not (default: 1.0)")
    private float repeatPenalty;

    @Option(names = "--presence-penalty", paramLabel = "X", defaultValue = "0",
            description = "subtracted from the logits of tokens seen before (default: 0)")
    private float presencePenalty;

    @Option(names = "--frequency-penalty", paramLabel = "X", defaultValue = "0",
            description = "the same, once for each time they were seen (default: 0)")
    private float frequencyPenalty;

    @Option(names = {"-l", "--logit-bias"}, paramLabel = "TOKEN_ID(+/-)BIAS", arity = "1",
            description = "add BIAS to a token's logit: 15043+1 makes it likelier, 15043-inf bans it; can be repeated")
    private List<String> logitBias = new ArrayList<>();

    @Option(names = {"-s", "--seed"}, paramLabel = "N", defaultValue = "-1",
            description = "same seed, same text; -1 for a new one each time (default: -1)")
    private long seed;

    /**
     * Returns the options, with a seed that can be told to the user where none was given.
     *
     * @throws GambitException where a number is out of range
     */
    SamplingOptions options(boolean embedded) {
        SamplingOptions given = defaults(embedded);
        return given.seed() != -1 ? given
                : given.toBuilder().seed(ThreadLocalRandom.current().nextLong(MAX_SEED)).build();
    }

    /**
     * Returns the options as they are, with seed -1 where none was given.
     *
     * @throws GambitException where a number is out of range
     */
    SamplingOptions defaults(boolean embedded) {
        // llama.cpp's random seed is -1 as a 32-bit number
        if (seed < -1 || seed > MAX_SEED) {
            throw new GambitException(GambitException.line(
                    "-s/--seed", "0 to " + MAX_SEED + ", or -1 for a random one", seed, "choose one of these"));
        }
        return SamplingOptions.builder()
                .temperature(temperature == null ? embedded ? EMBEDDED_TEMPERATURE : 0.8f : Math.max(0, temperature))
                .topK(topK)
                .topP(topP)
                .minP(minP)
                .repeatLastN(repeatLastN)
                .repeatPenalty(repeatPenalty)
                .presencePenalty(presencePenalty)
                .frequencyPenalty(frequencyPenalty)
                .logitBias(biases())
                .seed(seed == MAX_SEED ? -1 : seed)
                .build();
    }

    private Map<Integer, Float> biases() {
        Map<Integer, Float> biases = new LinkedHashMap<>();
        for (String text : logitBias) {
            if (!text.matches("\\d{1,9}[+-](\\d+(\\.\\d*)?|\\.\\d+|inf)") || text.endsWith("+inf")) {
                throw new GambitException(GambitException.line(
                        "-l/--logit-bias", "a token id, + or -, and a number or inf, as in 15043+1 or 15043-inf", text,
                        "write it so"));
            }
            int sign = Math.max(text.indexOf('+'), text.indexOf('-'));
            float bias = text.endsWith("inf") ? Float.NEGATIVE_INFINITY : Float.parseFloat(text.substring(sign));
            biases.put(Integer.valueOf(text.substring(0, sign)), bias);
        }
        return biases;
    }
}
