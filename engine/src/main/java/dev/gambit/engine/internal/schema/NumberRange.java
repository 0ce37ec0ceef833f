package dev.gambit.engine.internal.schema;

import dev.gambit.engine.internal.grammar.Expr;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.math.RoundingMode;
import java.util.ArrayList;
import java.util.List;

/**
 * Numbers between two bounds, as decimal digits without exponents.
 *
 * @param min the lowest, or null
 * @param minExcluded whether the lowest is not one of them
 * @param max the highest, or null
 * @param maxExcluded whether the highest is not one of them
 */
record NumberRange(BigDecimal min, boolean minExcluded, BigDecimal max, boolean maxExcluded) {

    private static final BigInteger TEN = BigInteger.TEN;
    /** The highest number of {@link JsonText#MAX_DIGITS} digits. */
    private static final BigInteger LARGEST = TEN.pow(JsonText.MAX_DIGITS).subtract(BigInteger.ONE);
    private static final Expr ZEROS = Expr.optional(Expr.seq(Expr.text("."), Expr.repeat(Expr.text("0"), 1, 3)));

    /** The integers of the range. */
    Expr integers() {
        BigInteger low = min == null ? null : min.setScale(0, RoundingMode.CEILING).toBigInteger();
        if (low != null && minExcluded && new BigDecimal(low).compareTo(min) == 0) {
            low = low.add(BigInteger.ONE);
        }
        BigInteger high = max == null ? null : max.setScale(0, RoundingMode.FLOOR).toBigInteger();
        if (high != null && maxExcluded && new BigDecimal(high).compareTo(max) == 0) {
            high = high.subtract(BigInteger.ONE);
        }
        BigInteger from = low == null ? LARGEST.negate().min(high == null ? BigInteger.ZERO : high) : low;
        BigInteger to = high == null ? LARGEST.max(from) : high;
        if (from.compareTo(to) > 0) {
            return Expr.NEVER;
        }
        List<Expr> ways = new ArrayList<>();
        if (from.signum() < 0) {
            ways.add(Expr.seq(Expr.text("-"), digits(to.min(BigInteger.ONE.negate()).negate(), from.negate())));
        }
        if (to.signum() >= 0) {
            ways.add(digits(from.max(BigInteger.ZERO), to));
        }
        return Expr.alt(ways);
    }

    /** The numbers of the range, with up to {@link JsonText#MAX_DIGITS} digits behind the point. */
    Expr numbers() {
        List<Expr> ways = new ArrayList<>();
        if (min == null || min.signum() < 0) {
            // mirrored
            boolean below = max != null && max.signum() < 0;
            BigDecimal from = below ? max.negate() : BigDecimal.ZERO;
            boolean zeroExcluded = max != null && max.signum() == 0 && maxExcluded;
            ways.add(Expr.seq(Expr.text("-"), decimals(from, below ? maxExcluded : zeroExcluded,
                    min == null ? null : min.negate(), minExcluded)));
        }
        if (max == null || max.signum() >= 0) {
            boolean above = min != null && min.signum() >= 0;
            ways.add(decimals(above ? min : BigDecimal.ZERO, above && minExcluded, max, maxExcluded));
        }
        return Expr.alt(ways);
    }

    /** Numbers of 0 and more. */
    private static Expr decimals(BigDecimal low, boolean lowExcluded, BigDecimal high, boolean highExcluded) {
        BigDecimal top = high == null ? new BigDecimal(LARGEST).max(low.add(BigDecimal.ONE)) : high;
        int order = low.compareTo(top);
        if (order > 0 || order == 0 && (lowExcluded || highExcluded)) {
            return Expr.NEVER;
        }
        BigInteger first = low.toBigInteger();
        BigInteger last = top.toBigInteger();
        String lowFraction = fraction(low);
        String highFraction = fraction(top);
        if (first.equals(last)) {
            return Expr.seq(Expr.text(first.toString()),
                    fraction(lowFraction, lowExcluded, highFraction, highExcluded));
        }
        List<Expr> ways = new ArrayList<>();
        ways.add(Expr.seq(Expr.text(first.toString()), fraction(lowFraction, lowExcluded, null, false)));
        BigInteger from = first.add(BigInteger.ONE);
        BigInteger to = last.subtract(BigInteger.ONE);
        if (from.compareTo(to) <= 0) {
            ways.add(Expr.seq(digits(from, to), Expr.optional(JsonText.FRACTION)));
        }
        ways.add(Expr.seq(Expr.text(last.toString()), fraction("", false, highFraction, highExcluded)));
        return Expr.alt(ways);
    }

    private static String fraction(BigDecimal number) {
        String text = number.stripTrailingZeros().toPlainString();
        int point = text.indexOf('.');
        return point < 0 ? "" : text.substring(point + 1);
    }

    /** What may stand behind an integer, between two fractions given by their digits; no high one is 1. */
    private static Expr fraction(String low, boolean lowExcluded, String high, boolean highExcluded) {
        boolean none = low.isEmpty() && !lowExcluded && !(high != null && high.isEmpty() && highExcluded);
        if (high != null && high.isEmpty()) {
            // 0 alone is left
            return none ? ZEROS : Expr.NEVER;
        }
        Expr some = Expr.seq(Expr.text("."), places(low, lowExcluded, high, highExcluded,
                Math.max(JsonText.MAX_DIGITS, Math.max(low.length(), high == null ? 0 : high.length()) + 1)));
        return none ? Expr.optional(some) : some;
    }

    /**
     * One to so many digits behind those that two bounds share.
     *
     * @param low what is left of the low bound's digits; null where the digits before are above it
     * @param high what is left of the high bound's; null where they are below it
     */
    private static Expr places(String low, boolean lowExcluded, String high, boolean highExcluded, int room) {
        if (room == 0) {
            return Expr.NEVER;
        }
        if (low == null && high == null || low != null && low.isEmpty() && !lowExcluded && high == null) {
            return Expr.repeat(JsonText.DIGIT, 1, room);
        }
        int from = low == null || low.isEmpty() ? 0 : low.charAt(0) - '0';
        int to = high == null ? 9 : high.isEmpty() ? 0 : high.charAt(0) - '0';
        List<Expr> ways = new ArrayList<>();
        for (int digit = from; digit <= to; digit++) {
            String restLow = low == null || digit > from ? null : low.isEmpty() ? "" : low.substring(1);
            String restHigh = high == null || digit < to ? null : high.isEmpty() ? "" : high.substring(1);
            // it may end here if zeros behind it keep it within the bounds
            boolean above = restLow == null || restLow.isEmpty() && !lowExcluded;
            boolean below = restHigh == null || !restHigh.isEmpty() || !highExcluded;
            Expr end = above && below ? Expr.EMPTY : Expr.NEVER;
            boolean atHigh = restHigh != null && restHigh.isEmpty();
            Expr rest = atHigh ? end
                    : Expr.alt(end, places(restLow, lowExcluded, restHigh, highExcluded, room - 1));
            ways.add(Expr.seq(Expr.range('0' + digit, '0' + digit), rest));
        }
        return Expr.alt(ways);
    }

    /** The integers from one to another, 0 or more, without leading zeros. */
    static Expr digits(BigInteger from, BigInteger to) {
        List<Expr> ways = new ArrayList<>();
        for (BigInteger low = from; low.compareTo(to) <= 0;) {
            String first = low.toString();
            BigInteger end = TEN.pow(first.length()).subtract(BigInteger.ONE).min(to);
            ways.add(sameLength(first, end.toString()));
            low = end.add(BigInteger.ONE);
        }
        return Expr.alt(ways);
    }

    private static Expr sameLength(String from, String to) {
        if (from.isEmpty()) {
            return Expr.EMPTY;
        }
        int length = from.length();
        if (from.chars().allMatch(c -> c == '0') && to.chars().allMatch(c -> c == '9')) {
            return Expr.repeat(JsonText.DIGIT, length, length);
        }
        char low = from.charAt(0);
        char high = to.charAt(0);
        if (low == high) {
            return Expr.seq(Expr.range(low, low), sameLength(from.substring(1), to.substring(1)));
        }
        List<Expr> ways = new ArrayList<>();
        ways.add(Expr.seq(Expr.range(low, low), sameLength(from.substring(1), "9".repeat(length - 1))));
        if (low + 1 < high) {
            ways.add(Expr.seq(Expr.range(low + 1, high - 1), Expr.repeat(JsonText.DIGIT, length - 1, length - 1)));
        }
        ways.add(Expr.seq(Expr.range(high, high), sameLength("0".repeat(length - 1), to.substring(1))));
        return Expr.alt(ways);
    }
}
