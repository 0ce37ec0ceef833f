package dev.gambit.it.container;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * OpenAI's Python client against the server in its image; its checks are in openai_client.py. {@code GAMBIT_PYTHON} names
 * a Python that has the package {@code openai} (.ci/run makes one).
 */
@Timeout(180)
class PythonClientIT {

    @Test
    void openaiForPython() throws Exception {
        Images.requireEngine();
        String python = System.getenv("GAMBIT_PYTHON");
        assumeTrue(python != null && Files.isExecutable(Path.of(python)),
                "GAMBIT_PYTHON names no Python with the package openai (.ci/run makes one where python3-venv is there)");
        Path script = Images.root().resolve("it-tests/src/test/python/openai_client.py");
        ServerContainer server = ServerContainer.shared();
        Process process = new ProcessBuilder(List.of(python, script.toString(), server.url() + "/v1"))
                .redirectErrorStream(true)
                .start();
        String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertEquals(0, process.waitFor(), output);
    }
}
