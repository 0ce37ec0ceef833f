package dev.gambit.engine.gguf;

import java.io.PrintStream;
import java.lang.reflect.Array;
import java.nio.ByteOrder;
import java.util.Locale;
import java.util.Map;

/** Prints what a file holds, in the very lines of {@code gguf-dump} of llama.cpp's Python package. */
public final class GgufInspect {

    private static final int SHOWN_ELEMENTS = 6;
    private static final int SHOWN_CHARACTERS = 60;

    private GgufInspect() {}

    /** Prints the metadata, long values shortened, and the table of tensors. */
    public static void print(GgufFile file, PrintStream out) {
        Map<String, GgufValue> values = file.metadata().values();
        String host = ByteOrder.nativeOrder() == ByteOrder.LITTLE_ENDIAN ? "LITTLE" : "BIG";
        out.print("* File is LITTLE endian, script is running on a " + host + " endian host.\n");
        out.print("* Dumping " + (values.size() + 3) + " key/value pair(s)\n");
        int n = 0;
        value(out, ++n, "GGUF.version", new GgufValue(GgufValueType.UINT32, null, (long) file.version()));
        value(out, ++n, "GGUF.tensor_count", new GgufValue(GgufValueType.UINT64, null, (long) file.tensors().size()));
        value(out, ++n, "GGUF.kv_count", new GgufValue(GgufValueType.UINT64, null, (long) values.size()));
        for (Map.Entry<String, GgufValue> entry : values.entrySet()) {
            value(out, ++n, entry.getKey(), entry.getValue());
        }
        out.print("* Dumping " + file.tensors().size() + " tensor(s)\n");
        n = 0;
        for (GgufTensor tensor : file.tensors()) {
            tensor(out, ++n, tensor);
        }
        out.flush();
    }

    private static void value(PrintStream out, int number, String key, GgufValue value) {
        boolean array = value.type() == GgufValueType.ARRAY;
        int count = array ? Array.getLength(value.value()) : 1;
        // an empty array's element type is not shown, because gguf-dump takes it from the first element
        String type = array && count > 0 ? "[" + value.elementType() + "]" : value.type().toString();
        out.print(String.format(Locale.ROOT, "  %5d: %-10s | %8d | ", number, type, count)
                + key + " = " + (array ? elements(value.value(), count) : scalar(value.value())) + "\n");
    }

    private static void tensor(PrintStream out, int number, GgufTensor tensor) {
        StringBuilder dims = new StringBuilder();
        for (int i = 0; i < 4; i++) {
            long d = i < tensor.shape().length ? tensor.shape()[i] : 1;
            dims.append(String.format(Locale.ROOT, i == 0 ? "%5d" : ", %5d", d));
        }
        out.print(String.format(Locale.ROOT, "  %5d: %10d | %s | %-7s | ", number, tensor.elements(), dims,
                tensor.type()) + tensor.name() + "\n");
    }

    private static String scalar(Object value) {
        if (value instanceof String text && text.codePointCount(0, text.length()) > SHOWN_CHARACTERS) {
            return PythonText.of(text.substring(0, text.offsetByCodePoints(0, SHOWN_CHARACTERS - 3)) + "...");
        }
        return PythonText.of(value);
    }

    private static String elements(Object array, int count) {
        StringBuilder text = new StringBuilder("[");
        for (int i = 0; i < Math.min(count, SHOWN_ELEMENTS); i++) {
            text.append(i == 0 ? "" : ", ").append(PythonText.of(Array.get(array, i)));
        }
        return text.append(count > SHOWN_ELEMENTS ? ", ...]" : "]").toString();
    }
}
