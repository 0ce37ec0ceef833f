package dev.gambit.engine.internal.schema;

import dev.gambit.engine.GambitException;
import dev.gambit.engine.internal.grammar.Expr;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;

/** Strings of a {@code format}; of some formats only the plainer ones, as they are to be written, not read. */
final class Formats {

    private static final String DATE = "\\d\\d\\d[1-9]-((0[13578]|1[02])-(0[1-9]|[12]\\d|3[01])"
            + "|(0[469]|11)-(0[1-9]|[12]\\d|30)|02-(0[1-9]|1\\d|2[0-8]))";
    private static final String CLOCK = "([01]\\d|2[0-3]):[0-5]\\d:[0-5]\\d(\\.\\d{1,3})?";
    private static final String ZONE = "(Z|\\+(0\\d|1[0-3]):[0-5]\\d|-(0[1-9]|1[01]):[0-5]\\d)";
    private static final String LABEL = "[a-z](-?[a-z0-9]){0,20}";
    private static final String NAMES = LABEL + "(\\." + LABEL + "){0,2}\\.";
    private static final String HOST = NAMES + "[a-z]{2,6}";
    /** Strict validators know the top-level domains; these they all know. */
    private static final String MAIL_HOST = NAMES + "(com|org|net|edu|gov|info|io|dev|app|eu|uk|us|ca|au|nz|de|at|ch|fr"
            + "|it|es|pt|nl|be|dk|se|no|fi|pl|cz|gr|ie|in|cn|jp|kr|br|mx|za|il|tr)";
    private static final String OCTET = "(25[0-5]|2[0-4]\\d|1\\d\\d|[1-9]?\\d)";
    private static final String URI = "https?://" + HOST + "(/[A-Za-z0-9_~-]{0,20}){0,4}";

    private static final Map<String, String> PATTERNS = Map.ofEntries(
            Map.entry("date", DATE),
            Map.entry("time", CLOCK + ZONE),
            Map.entry("date-time", DATE + "T" + CLOCK + ZONE),
            Map.entry("duration", "P(\\d{1,4}D(T\\d{1,2}H(\\d{1,2}M)?)?|\\d{1,3}W|T\\d{1,4}[HMS])"),
            Map.entry("uuid", "[0-9a-f]{8}-[0-9a-f]{4}-[1-5][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"),
            Map.entry("email", "[a-z0-9]([._+-]?[a-z0-9]){0,20}@" + MAIL_HOST),
            Map.entry("hostname", HOST),
            Map.entry("ipv4", OCTET + "(\\." + OCTET + "){3}"),
            Map.entry("ipv6", "[0-9a-f]{1,4}(:[0-9a-f]{1,4}){7}"),
            Map.entry("uri", URI),
            Map.entry("uri-reference", URI),
            Map.entry("iri", URI));

    /** They say how a string is shown or sent, not what is in it. */
    private static final Set<String> ANY = Set.of("password", "binary");

    private Formats() {}

    static boolean isKnown(String format) {
        return PATTERNS.containsKey(format) || ANY.contains(format);
    }

    /** Returns whether a format leaves its strings free. */
    static boolean isFree(String format) {
        return ANY.contains(format);
    }

    static Set<String> names() {
        return new TreeSet<>(PATTERNS.keySet());
    }

    /** Returns the strings of a format, without quotes; where they have to be short, those with shorter parts. */
    static Expr of(String place, String format, int min, int max) {
        for (int most = 20;; most /= 2) {
            try {
                return Pattern.parse(place, "^" + PATTERNS.get(format).replace("{0,20}", "{0," + most + "}") + "$", min,
                        max);
            } catch (GambitException e) {
                if (most == 0) {
                    throw e;
                }
            }
        }
    }
}
