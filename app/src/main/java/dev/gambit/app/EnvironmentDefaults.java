package dev.gambit.app;

import java.util.Map;
import java.util.function.UnaryOperator;
import picocli.CommandLine.IDefaultValueProvider;
import picocli.CommandLine.Model.ArgSpec;
import picocli.CommandLine.Model.OptionSpec;

/** Takes what the command line leaves open from the environment variables that llama.cpp reads, too. */
final class EnvironmentDefaults implements IDefaultValueProvider {

    private static final Map<String, String> VARIABLES = Map.ofEntries(
            Map.entry("--model", "LLAMA_ARG_MODEL"),
            Map.entry("--ctx-size", "LLAMA_ARG_CTX_SIZE"),
            Map.entry("--threads", "LLAMA_ARG_THREADS"),
            Map.entry("--cache-type-k", "LLAMA_ARG_CACHE_TYPE_K"),
            Map.entry("--cache-type-v", "LLAMA_ARG_CACHE_TYPE_V"),
            Map.entry("--predict", "LLAMA_ARG_N_PREDICT"),
            Map.entry("--temp", "LLAMA_ARG_TEMPERATURE"),
            Map.entry("--top-k", "LLAMA_ARG_TOP_K"),
            Map.entry("--min-p", "LLAMA_ARG_MIN_P"),
            Map.entry("--repeat-penalty", "LLAMA_ARG_REPEAT_PENALTY"),
            Map.entry("--presence-penalty", "LLAMA_ARG_PRESENCE_PENALTY"),
            Map.entry("--frequency-penalty", "LLAMA_ARG_FREQUENCY_PENALTY"),
            Map.entry("--host", "LLAMA_ARG_HOST"),
            Map.entry("--port", "LLAMA_ARG_PORT"),
            Map.entry("--api-key", "LLAMA_API_KEY"),
            Map.entry("--parallel", "LLAMA_ARG_N_PARALLEL"),
            Map.entry("--alias", "LLAMA_ARG_ALIAS"),
            Map.entry("--timeout", "LLAMA_ARG_TIMEOUT"),
            Map.entry("--chess", "GAMBIT_ARG_CHESS"),
            Map.entry("--sparsity", "GAMBIT_ARG_SPARSITY"),
            Map.entry("--policy", "GAMBIT_ARG_POLICY"),
            Map.entry("--backend", "GAMBIT_ARG_BACKEND"));

    private final UnaryOperator<String> environment;

    EnvironmentDefaults(UnaryOperator<String> environment) {
        this.environment = environment;
    }

    @Override
    public String defaultValue(ArgSpec arg) {
        String variable = variable(arg);
        String value = variable == null ? null : environment.apply(variable);
        return value == null || value.isEmpty() ? null : value;
    }

    /** Returns the variable for an option, null where there is none. */
    static String variable(ArgSpec arg) {
        if (arg instanceof OptionSpec option) {
            for (String name : option.names()) {
                if (VARIABLES.containsKey(name)) {
                    return VARIABLES.get(name);
                }
            }
        }
        return null;
    }
}
