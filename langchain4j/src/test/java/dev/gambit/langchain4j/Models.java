package dev.gambit.langchain4j;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.gambit.engine.BackendChoice;
import dev.gambit.engine.LanguageModel;
import dev.gambit.engine.ModelOptions;
import dev.gambit.engine.gguf.GgufFile;
import dev.gambit.engine.gguf.GgufTensor;
import dev.gambit.engine.gguf.GgufWriter;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;

/** The models that the tests run. */
final class Models {

    private Models() {}

    /**
     * A chat template that tells of tools the way Hermes and Qwen do, in the words they were trained on. The models here were
     * not: it shows what reaches a model, and what it may answer, not how well it chooses.
     */
    private static final String TOOLS =
            """
                    {%- if tools %}<|im_start|>system
                    You are a helpful assistant.

                    # Tools

                    You may call one or more functions to assist with the user query.

                    You are provided with function signatures within <tools></tools> XML tags:
                    <tools>
                    {%- for tool in tools %}
                    {{ tool | tojson }}
                    {%- endfor %}
                    </tools>

                    For each function call, return a json object with function name and arguments within <tool_call></tool_call> \
                    XML tags:
                    <tool_call>
                    {"name": <function-name>, "arguments": <args-json-object>}
                    </tool_call><|im_end|>
                    {% endif %}
                    {%- for message in messages %}
                    {%- if message.role == "tool" %}<|im_start|>user
                    <tool_response>
                    {{ message.content }}
                    </tool_response><|im_end|>
                    {% else %}<|im_start|>{{ message.role }}
                    {{ message.content }}
                    {%- for call in message.tool_calls %}
                    <tool_call>
                    {{ call.function | tojson }}
                    </tool_call>
                    {%- endfor %}<|im_end|>
                    {% endif %}
                    {%- endfor %}
                    {%- if add_generation_prompt %}<|im_start|>assistant
                    {% endif %}""";

    /** Opens SmolLM2-135M-Instruct, which follows instructions, from the shared folder; skips the test where it is not. */
    static LanguageModel smolLm2() {
        return open(smolLm2File());
    }

    /** Opens SmolLM2-135M-Instruct with a chat template that tells of tools, which its own does not. */
    static LanguageModel smolLm2WithTools(Path folder) {
        Path file = folder.resolve("with-tools.gguf");
        try (GgufFile from = GgufFile.open(smolLm2File()); Arena arena = Arena.ofConfined()) {
            GgufWriter to = new GgufWriter();
            from.metadata().values().forEach((key, value) -> {
                if (!key.equals("tokenizer.chat_template")) {
                    to.put(key, value);
                }
            });
            to.put("tokenizer.chat_template", TOOLS);
            for (GgufTensor tensor : from.tensors()) {
                to.tensor(tensor.name(), tensor.type(), tensor.shape(), from.map(tensor, arena));
            }
            to.write(file);
        }
        return open(file);
    }

    private static LanguageModel open(Path file) {
        return LanguageModel.open(
                file, ModelOptions.builder().contextLength(1024).backend(BackendChoice.CPU).build());
    }

    private static Path smolLm2File() {
        String named = System.getProperty("gambit.shared");
        Path found = null;
        for (String folder : named != null ? new String[] {named} : new String[] {"../shared", "../../shared"}) {
            Path file = Path.of(folder, "models", "SmolLM2-135M-Instruct.Q4_1.gguf");
            if (Files.exists(file)) {
                found = file;
            }
        }
        assumeTrue(found != null, "no models/SmolLM2-135M-Instruct.Q4_1.gguf in a shared folder (-Dgambit.shared)");
        return found;
    }
}
