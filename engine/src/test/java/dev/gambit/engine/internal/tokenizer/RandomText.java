package dev.gambit.engine.internal.tokenizer;

import java.util.Random;

/** Random strings of every kind of character, with long runs and white space more often than chance has it. */
final class RandomText {

    private RandomText() {}

    /** Returns a well-formed string. */
    static String next(Random random) {
        StringBuilder text = new StringBuilder();
        int pieces = random.nextInt(12);
        for (int i = 0; i < pieces; i++) {
            int run = 1 + (random.nextInt(4) == 0 ? random.nextInt(40) : random.nextInt(3));
            int codePoint = codePoint(random);
            for (int j = 0; j < run; j++) {
                text.appendCodePoint(codePoint);
                if (random.nextInt(3) == 0) {
                    codePoint = codePoint(random);
                }
            }
        }
        return text.toString();
    }

    private static int codePoint(Random random) {
        return switch (random.nextInt(8)) {
            case 0 -> " \n\r\t'\u00A0\u3000".charAt(random.nextInt(7));
            case 1 -> random.nextInt(128);
            case 2 -> random.nextInt(0x800);
            case 3 -> random.nextInt(0xD800);
            case 4 -> 0xE000 + random.nextInt(0x110000 - 0xE000);
            case 5 -> '0' + random.nextInt(10);
            default -> 'a' + random.nextInt(4);
        };
    }
}
