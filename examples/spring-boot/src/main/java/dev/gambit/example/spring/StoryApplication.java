package dev.gambit.example.spring;

import dev.gambit.engine.Sparsity;
import dev.gambit.langchain4j.GambitStreamingChatModel;
import java.nio.file.Path;
import org.springframework.beans.factory.annotation.Value;
import org.springframework.boot.SpringApplication;
import org.springframework.boot.autoconfigure.SpringBootApplication;
import org.springframework.context.annotation.Bean;

/**
 * A Spring Boot service with a language model inside: {@code curl -N 'localhost:8080/story?about=a+fox'}.
 *
 * <p>Start it with the JVM options in {@code app/src/main/jvm/gambit.jvmopts}; without them it works too, slower.
 */
@SpringBootApplication
public class StoryApplication {

    /** Starts the service. */
    public static void main(String[] args) {
        SpringApplication.run(StoryApplication.class, args);
    }

    /**
     * The model: the one that comes with Gambit unless {@code gambit.model} names a file. Spring closes it when the
     * service ends, as it is AutoCloseable.
     */
    @Bean
    GambitStreamingChatModel model(
            @Value("${gambit.model:}") String file, @Value("${gambit.parallel-sessions:2}") int parallelSessions) {
        GambitStreamingChatModel.Builder builder = GambitStreamingChatModel.builder()
                .parallelSessions(parallelSessions)
                .temperature(0.7)
                .maxOutputTokens(256);
        return file.isEmpty()
                ? builder.sparsity(new Sparsity(null, null, 0.5)).build()
                : builder.modelPath(Path.of(file)).build();
    }
}
