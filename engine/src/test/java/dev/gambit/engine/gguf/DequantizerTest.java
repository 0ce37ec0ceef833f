package dev.gambit.engine.gguf;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Against {@code gguf.quants.dequantize} of llama.cpp's Python package, bit by bit. */
class DequantizerTest {

    @ParameterizedTest
    @EnumSource(GgmlType.class)
    void agreesWithPythonBitByBit(GgmlType type) {
        try (GgufFile file = GgufFile.open(GgufResources.path(GgufResources.DEQUANTIZER));
                Arena arena = Arena.ofConfined()) {
            GgufTensor tensor = file.require(type.name());
            assertEquals(type, tensor.type());
            MemorySegment data = file.map(tensor, arena);
            MemorySegment expected = file.map(file.require(type.name() + ".f32"), arena);
            int columns = tensor.columns();
            float[] row = new float[columns + 2];
            long element = 0;
            for (int r = 0; r < tensor.rows(); r++) {
                row[0] = row[columns + 1] = 42;
                Dequantizer.row(type, data, r, columns, row, 1);
                for (int c = 0; c < columns; c++, element++) {
                    int bits = expected.getAtIndex(ValueLayout.JAVA_INT, element);
                    assertEquals(bits, Float.floatToRawIntBits(row[1 + c]), type + " row " + r + " column " + c);
                }
                assertEquals(42, row[0]);
                assertEquals(42, row[columns + 1]);
            }
            assertEquals(expected.byteSize() / 4, element);
        }
    }

    @Test
    void refusesWhatIsNotThere() {
        MemorySegment oneRow = MemorySegment.ofArray(new byte[34]);
        float[] out = new float[32];
        Dequantizer.row(GgmlType.Q8_0, oneRow, 0, 32, out, 0);
        assertThrows(IndexOutOfBoundsException.class, () -> Dequantizer.row(GgmlType.Q8_0, oneRow, 1, 32, out, 0));
        assertThrows(IndexOutOfBoundsException.class, () -> Dequantizer.row(GgmlType.Q8_0, oneRow, 0, 32, out, 1));
        assertThrows(IllegalArgumentException.class, () -> Dequantizer.row(GgmlType.Q8_0, oneRow, 0, 31, out, 0));
    }
}
