package dev.gambit.engine.gguf;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gambit.engine.ModelFormatException;
import java.util.List;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What a header may say, and what it may not. */
class GgufHeaderTest {

    private static final int F32 = GgmlType.F32.id();
    private static final int Q8_0 = GgmlType.Q8_0.id();

    @ParameterizedTest
    @ValueSource(ints = {2, 3})
    void readsBothVersions(int version) {
        GgufHeader header = GgufResources.parse(GgufBytes.header(version, 2, 1)
                .key("a", GgufValueType.UINT8).i8(200)
                .tensor("x", F32, 0, 3).tensor("y", Q8_0, 32, 32, 2).data(32 + 68).bytes());
        assertEquals(version, header.version());
        assertEquals(200, header.metadata().integer("a", 0));
        assertEquals(List.of("x", "y"), List.copyOf(header.tensors().keySet()));
        GgufTensor y = header.tensors().get("y");
        assertEquals(68, y.byteSize());
        assertEquals(header.tensors().get("x").offset() + 32, y.offset());
        assertEquals(0, y.offset() % 32);
    }

    @Test
    void aStringMayBeLongerThanTheWindow() {
        String text = "ä".repeat(20_000) + "x".repeat(10_000);
        byte[] bytes = GgufBytes.header(3, 0, 3).key("a", GgufValueType.STRING).string("short")
                .key("long", GgufValueType.STRING).string(text).key("b", GgufValueType.INT8).i8(-1).bytes();
        GgufMetadata metadata = GgufResources.parse(bytes).metadata();
        assertEquals(text, metadata.string("long", null));
        assertEquals(-1, metadata.integer("b", 0));
    }

    @Test
    void tensorsMayLieInAnotherOrderAndWithGaps() {
        GgufHeader header = GgufResources.parse(GgufBytes.header(3, 2, 0)
                .tensor("x", F32, 96, 3).tensor("y", F32, 0, 1).data(96 + 12).bytes());
        assertEquals(96, header.tensors().get("x").offset() - header.tensors().get("y").offset());
    }

    @Test
    void alignmentIsObeyed() {
        byte[] bytes = GgufBytes.header(3, 1, 1).key("general.alignment", GgufValueType.UINT32).i32(8)
                .tensor("x", F32, 8, 1).data(64).bytes();
        GgufTensor x = GgufResources.parse(bytes).tensors().get("x");
        assertEquals((24 + 8 + 17 + 4 + 4 + 9 + 4 + 8 + 4 + 8 + 7) / 8 * 8 + 8, x.offset());
    }

    @Test
    void readsArraysOfEveryWidth() {
        GgufBytes bytes = GgufBytes.header(3, 0, 2);
        bytes.key("i8", GgufValueType.ARRAY).i32(GgufValueType.INT8.ordinal()).i64(3).i8(1).i8(-1).i8(-128);
        bytes.key("none", GgufValueType.ARRAY).i32(GgufValueType.STRING.ordinal()).i64(0);
        GgufMetadata metadata = GgufResources.parse(bytes.bytes()).metadata();
        assertArrayEquals(new long[] {1, -1, -128}, metadata.integers("i8"));
        assertArrayEquals(new String[0], metadata.strings("none"));
    }

    @Test
    void refusesOtherVersions() {
        refused("version 2 or 3, found version 1", GgufBytes.header(1, 0, 0));
        refused("version 2 or 3, found version 4", GgufBytes.header(4, 0, 0));
        refused("a big-endian one (version 3)", GgufBytes.header(3 << 24, 0, 0));
    }

    @ParameterizedTest
    @ValueSource(longs = {2, 1 << 20, Integer.MAX_VALUE, Long.MAX_VALUE, -1, Long.MIN_VALUE})
    void refusesCountsThatCannotFit(long count) {
        refused("key count: expected at most the 0", GgufBytes.header(3, 0, count));
        refused("tensor count: expected at most the 1 that fit the file, found " + Long.toUnsignedString(count),
                GgufBytes.header(3, count, 0).tensor("x", F32, 0, 1));
        refused("a: expected an array of at most 2", GgufBytes.header(3, 0, 1)
                .key("a", GgufValueType.ARRAY).i32(GgufValueType.STRING.ordinal()).i64(count + (count == 2 ? 1 : 0))
                .i64(0).i64(0));
        refused("a: expected a string of at most 1", GgufBytes.header(3, 0, 1)
                .key("a", GgufValueType.STRING).i64(count).i8('x'));
        refused("a key's name: expected a string of at most 5", GgufBytes.header(3, 0, 1)
                .i64(count + 5 < 0 ? -1 : Math.max(count, 6)).i8('x').i32(0));
    }

    @Test
    void refusesStrangeValues() {
        refused("a: expected a value type from 0 to 12, found 13",
                GgufBytes.header(3, 0, 1).string("a").i32(13).i64(0));
        refused("found 4294967295", GgufBytes.header(3, 0, 1).string("a").i32(-1).i64(0));
        refused("an array of arrays", GgufBytes.header(3, 0, 1).key("a", GgufValueType.ARRAY)
                .i32(GgufValueType.ARRAY.ordinal()).i64(1).i32(0).i64(0));
        refused("found 18446744073709551615", GgufBytes.header(3, 0, 1).key("a", GgufValueType.UINT64).i64(-1));
        refused("a: expected each key once", GgufBytes.header(3, 0, 2)
                .key("a", GgufValueType.UINT32).i32(1).key("a", GgufValueType.UINT32).i32(1));
        refused("a: expected 8 more bytes, found 4 before the end", GgufBytes.header(3, 0, 1)
                .key("a", GgufValueType.FLOAT64).i32(1));
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 3, 48, -1, Integer.MIN_VALUE})
    void refusesAStrangeAlignment(int alignment) {
        refused("general.alignment: expected a power of two", GgufBytes.header(3, 0, 1)
                .key("general.alignment", GgufValueType.UINT32).i32(alignment));
    }

    @Test
    void refusesStrangeTensors() {
        tensorRefused("1 to 4 dimensions, found 0", t -> t.tensor("x", F32, 0));
        tensorRefused("1 to 4 dimensions, found 5", t -> t.tensor("x", F32, 0, 1, 1, 1, 1, 1));
        tensorRefused("dimensions from 1", t -> t.tensor("x", F32, 0, 4, 0));
        tensorRefused("dimensions from 1", t -> t.tensor("x", F32, 0, -4));
        tensorRefused("dimensions from 1", t -> t.tensor("x", F32, 0, 1L << 31));
        tensorRefused("at most 2147483647 rows", t -> t.tensor("x", F32, 0, 1, 1 << 30, 1 << 30, 1 << 30));
        tensorRefused("at most 2147483647 rows",
                t -> t.tensor("x", F32, 0, Integer.MAX_VALUE, Integer.MAX_VALUE));
        tensorRefused("a multiple of 32 elements for Q8_0, found 33", t -> t.tensor("x", Q8_0, 0, 33));
        tensorRefused("found type number 16; convert", t -> t.tensor("x", 16, 0, 256));
        tensorRefused("a multiple of 32, found 4;", t -> t.tensor("x", F32, 4, 1));
        tensorRefused("found 18446744073709551584", t -> t.tensor("x", F32, -32, 1));
        tensorRefused("beyond the end of the file", t -> t.tensor("x", F32, Long.MAX_VALUE - 31, 1));
        tensorRefused("beyond the end of the file", t -> t.tensor("x", F32, 1024, 1));
        tensorRefused("beyond the end of the file", t -> t.tensor("x", F32, 0, 1 << 30, 1 << 29));
    }

    @Test
    void refusesTensorsInEachOthersPlace() {
        refused("tensor x: expected each tensor once", GgufBytes.header(3, 2, 0)
                .tensor("x", F32, 0, 1).tensor("x", F32, 32, 1).data(64));
        refused("tensor y: expected an offset of at least", GgufBytes.header(3, 2, 0)
                .tensor("x", F32, 0, 9).tensor("y", F32, 32, 1).data(64));
        refused("tensor y: expected an offset of at least", GgufBytes.header(3, 2, 0)
                .tensor("x", F32, 0, 1).tensor("y", F32, 0, 1).data(64));
    }

    @Test
    void aNameCannotBreakTheLine() {
        refused("tensor x??[31m", GgufBytes.header(3, 1, 0).tensor("x\n\u001b[31m" + "y".repeat(500), F32, 0, 1));
    }

    private static void tensorRefused(String part, UnaryOperator<GgufBytes> tensor) {
        refused("test.gguf: tensor x", tensor.apply(GgufBytes.header(3, 1, 0)).data(64));
        refused(part, tensor.apply(GgufBytes.header(3, 1, 0)).data(64));
    }

    private static void refused(String part, GgufBytes file) {
        byte[] bytes = file.bytes();
        ModelFormatException e = assertThrows(ModelFormatException.class, () -> GgufResources.parse(bytes));
        assertTrue(e.getMessage().contains(part), e.getMessage());
        assertTrue(e.getMessage().lines().count() == 1 && e.getMessage().length() < 400, e.getMessage());
    }
}
