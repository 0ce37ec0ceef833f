package dev.gambit.engine.sparsity;

import dev.gambit.engine.GambitException;
import dev.gambit.engine.ModelFormatException;
import dev.gambit.engine.gguf.Dequantizer;
import dev.gambit.engine.gguf.GgufFile;
import dev.gambit.engine.gguf.GgufMetadata;
import dev.gambit.engine.gguf.GgufTensor;
import dev.gambit.engine.internal.model.ModelConfig;
import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * What calibration found for one model, from a GGUF sidecar ({@code adapter.type = chess}) or from the same keys inside a
 * model file. A policy is a list of sites, each with a table of quantiles over sparsity levels and, where its thresholds
 * differ by channel, a vector of weights: {@code t_i = T(level) / u_i}. One sidecar therefore serves every level.
 *
 * <p>Keys: {@code chess.version} 1, {@code chess.sparsity.levels} (rising, from 0), {@code chess.policies} and, for each
 * policy, {@code chess.policy.NAME}: strings {@code "SITE quantiles [weights]"} naming tensors {@code blk.N.quantiles}
 * ({@code [levels]}) and {@code blk.N.weights} ({@code [channels]}).
 */
public final class Sidecar {

    private final String source;
    private final ModelConfig config;
    private final float[] levels;
    private final List<String> policies;
    private final String defaultPolicy;
    /** {@code [policy][rule]}. */
    private final List<List<Rule>> rules;

    /** One site of a policy: per layer a table over levels, and the channels' weights or null. */
    private record Rule(Site site, float[][] table, float[][] weights) {}

    private Sidecar(
            String source,
            ModelConfig config,
            float[] levels,
            List<String> policies,
            String defaultPolicy,
            List<List<Rule>> rules) {
        this.source = source;
        this.config = config;
        this.levels = levels;
        this.policies = policies;
        this.defaultPolicy = defaultPolicy;
        this.rules = rules;
    }

    /**
     * Reads a sidecar file.
     *
     * @param path the sidecar
     * @param model the model it is to be used with
     * @throws GambitException where it is damaged or was calibrated for another model
     */
    public static Sidecar open(Path path, GgufFile model) {
        try (GgufFile file = GgufFile.open(path)) {
            return read(file, model);
        }
    }

    /** Returns whether a model file carries a sidecar's keys itself. */
    public static boolean isIn(GgufFile file) {
        return file.metadata().has("chess.version");
    }

    /** Reads the keys out of a file: a sidecar, or a model that carries them. */
    public static Sidecar read(GgufFile file, GgufFile model) {
        GgufMetadata m = file.metadata();
        if (file != model) {
            checkKind(m);
        }
        int version = m.requireInt("chess.version", 0, Integer.MAX_VALUE);
        if (version != 1) {
            throw new ModelFormatException(GambitException.line(
                    m.source() + ": chess.version", 1, version, "calibrate again or use a newer Gambit"));
        }
        ModelConfig config = ModelConfig.of(model);
        if (file != model) {
            checkModel(m, model, config);
        }
        float[] levels = m.reals("chess.sparsity.levels");
        checkLevels(m, levels);
        String[] names = m.strings("chess.policies");
        if (names == null || names.length == 0) {
            throw new ModelFormatException(GambitException.line(
                    m.source() + ": chess.policies", "at least one policy", "none", "calibrate again"));
        }
        List<List<Rule>> rules = new ArrayList<>();
        Map<String, float[]> vectors = new HashMap<>();
        for (String name : names) {
            String[] lines = m.strings("chess.policy." + name);
            if (lines == null) {
                throw new ModelFormatException(GambitException.line(
                        m.source() + ": chess.policy." + name, "the policy's sites", "none", "calibrate again"));
            }
            List<Rule> policy = new ArrayList<>();
            for (String line : lines) {
                policy.add(rule(file, config, line, levels.length, vectors));
            }
            rules.add(policy);
        }
        return new Sidecar(
                m.source(), config, levels, List.of(names), m.string("chess.policy.default", names[0]), rules);
    }

    private static void checkKind(GgufMetadata m) {
        String type = m.string("general.type", "none");
        String adapter = m.string("adapter.type", "none");
        if (!type.equals("adapter") || !adapter.equals("chess")) {
            throw new ModelFormatException(GambitException.line(
                    m.source() + ": general.type / adapter.type",
                    "adapter / chess",
                    type + " / " + adapter,
                    "pass a file that gambit calibrate wrote"));
        }
    }

    private static void checkModel(GgufMetadata m, GgufFile model, ModelConfig c) {
        checkBase(m, "chess.base.block_count", c.layers());
        checkBase(m, "chess.base.embedding_length", c.embedding());
        checkBase(m, "chess.base.feed_forward_length", c.feedForward());
        String expected = m.requireString("chess.base.sha256");
        String found = ModelFingerprint.of(model);
        if (!expected.equals(found)) {
            throw new ModelFormatException(GambitException.line(
                    m.source() + ": chess.base.sha256 (calibrated for " + m.string("chess.base.name", "another model")
                            + ")",
                    expected.substring(0, Math.min(12, expected.length())),
                    found.substring(0, 12) + " in " + model.metadata().source(),
                    "calibrate this model with gambit calibrate"));
        }
    }

    private static void checkBase(GgufMetadata m, String key, int expected) {
        int found = m.requireInt(key, 0, Integer.MAX_VALUE);
        if (found != expected) {
            throw new ModelFormatException(GambitException.line(
                    m.source() + ": " + key,
                    expected + " as in the model",
                    found,
                    "it was calibrated for another model; calibrate this one with gambit calibrate"));
        }
    }

    private static void checkLevels(GgufMetadata m, float[] levels) {
        boolean rising = levels != null && levels.length >= 2 && levels[0] == 0;
        for (int i = 1; rising && i < levels.length; i++) {
            rising = levels[i] > levels[i - 1] && levels[i] <= 1;
        }
        if (!rising) {
            throw new ModelFormatException(GambitException.line(
                    m.source() + ": chess.sparsity.levels",
                    "rising numbers from 0 to at most 1",
                    Arrays.toString(levels),
                    "calibrate again"));
        }
    }

    private static Rule rule(
            GgufFile file, ModelConfig config, String line, int levels, Map<String, float[]> vectors) {
        String[] parts = line.split(" ");
        Site site = null;
        for (Site s : Site.values()) {
            site = s.name().equals(parts[0]) ? s : site;
        }
        if (site == null || parts.length < 2 || parts.length > 3) {
            throw new ModelFormatException(GambitException.line(
                    file.metadata().source() + ": policy line",
                    "SITE quantiles [weights]",
                    '"' + line + '"',
                    "calibrate again or use a newer Gambit"));
        }
        float[][] table = new float[config.layers()][];
        float[][] weights = parts.length == 3 ? new float[config.layers()][] : null;
        for (int l = 0; l < config.layers(); l++) {
            table[l] = vector(file, "blk." + l + "." + parts[1], levels, vectors);
            if (weights != null) {
                weights[l] = vector(file, "blk." + l + "." + parts[2], config.channels(site), vectors);
            }
        }
        return new Rule(site, table, weights);
    }

    /** Reads a tensor once: policies share them. */
    private static float[] vector(GgufFile file, String name, int length, Map<String, float[]> read) {
        float[] known = read.get(name);
        if (known == null || known.length != length) {
            known = vector(file, name, length);
            read.put(name, known);
        }
        return known;
    }

    private static float[] vector(GgufFile file, String name, int length) {
        GgufTensor t = file.require(name);
        if (t.elements() != length) {
            throw new ModelFormatException(GambitException.line(
                    file.metadata().source() + ": tensor " + name,
                    length + " entries",
                    t.elements(),
                    "it was calibrated for another model; calibrate this one with gambit calibrate"));
        }
        float[] out = new float[length];
        try (Arena arena = Arena.ofConfined()) {
            Dequantizer.row(t.type(), file.map(t, arena), 0, length, out, 0);
        }
        for (int i = 0; i < length; i++) {
            if (!(out[i] >= 0) || Float.isInfinite(out[i])) {
                throw new ModelFormatException(GambitException.line(
                        file.metadata().source() + ": tensor " + name + "[" + i + "]",
                        "a number of 0 or more",
                        out[i],
                        "the file is damaged; calibrate again"));
            }
        }
        return out;
    }

    /** Returns the highest level it has thresholds for. */
    public double maxLevel() {
        return levels[levels.length - 1];
    }

    /** Returns the names of the policies it holds. */
    public List<String> policies() {
        return policies;
    }

    /** Returns the policy to use where none is named. */
    public String defaultPolicy() {
        return defaultPolicy;
    }

    /**
     * Returns the thresholds of a policy at a sparsity level. Level 0 means thresholds of 0: only exact zeros are skipped.
     * Levels between those in the file are interpolated.
     *
     * @param policy one of {@link #policies}; null for the default
     * @param level the nominal fraction of channels to skip, from 0 to the highest level in the file
     * @throws GambitException for a policy or level it does not hold
     */
    public Thresholds thresholds(String policy, double level) {
        String name = policy == null ? defaultPolicy : policy;
        int p = policies.indexOf(name);
        if (p < 0) {
            throw new GambitException(GambitException.line(
                    source + ": policy", "one of " + String.join(", ", policies), name, "choose one of these"));
        }
        float top = levels[levels.length - 1];
        if (!(level >= 0 && level <= top + 1e-6)) {
            throw new GambitException(GambitException.line(
                    "sparsity", "0 to " + top, level, "choose a level in that range"));
        }
        Thresholds out = new Thresholds(config.layers(), level);
        for (Rule rule : rules.get(p)) {
            for (int l = 0; l < config.layers(); l++) {
                float quantile = interpolate(rule.table[l], level);
                float[] t = new float[config.channels(rule.site)];
                for (int i = 0; i < t.length; i++) {
                    float u = rule.weights == null ? 1f : rule.weights[l][i];
                    t[i] = quantile == 0 ? 0f : quantile / u;
                }
                out.set(l, rule.site, t);
            }
        }
        return out;
    }

    private float interpolate(float[] table, double level) {
        if (level <= 0) {
            return 0f;
        }
        int i = 1;
        while (i < levels.length - 1 && levels[i] < level - 1e-6) {
            i++;
        }
        double f = Math.min(1, (level - levels[i - 1]) / (levels[i] - levels[i - 1]));
        if (f > 1 - 1e-5) {
            return table[i];
        }
        double low = i == 1 ? 0 : table[i - 1];
        return (float) (low + f * (table[i] - low));
    }
}
