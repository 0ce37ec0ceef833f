package dev.gambit.it.container;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import org.testcontainers.DockerClientFactory;
import org.testcontainers.images.builder.ImageFromDockerfile;

/**
 * The images under test, built from the repository's Dockerfiles once a JVM, with the jars of this build. Where
 * {@code BASE_IMAGE} and {@code JDK_IMAGE} name local images (as .ci/container-engine.sh does), everything is built on them and no registry is asked;
 * otherwise on what the Dockerfiles name.
 */
final class Images {

    private static String gambit;
    private static String jetson;

    private Images() {}

    /** Skips the test where no container engine answers. */
    static void requireEngine() {
        assumeTrue(DockerClientFactory.instance().isDockerAvailable(), "no container engine (DOCKER_HOST) answers");
    }

    /** Returns the image of Dockerfile. */
    static synchronized String gambit() {
        requireEngine();
        if (gambit == null) {
            gambit = build("Dockerfile", "localhost/gambit-it/gambit:latest");
        }
        return gambit;
    }

    /** Returns the image of Dockerfile.jetson. */
    static synchronized String jetson() {
        requireEngine();
        if (jetson == null) {
            jetson = build("Dockerfile.jetson", "localhost/gambit-it/jetson:latest");
        }
        return jetson;
    }

    private static String build(String dockerfile, String name) {
        ImageFromDockerfile image =
                new ImageFromDockerfile(name, false).withDockerfile(root().resolve(dockerfile));
        String base = System.getenv("BASE_IMAGE");
        if (base != null) {
            image.withBuildArg("BASE_IMAGE", base);
        }
        String jdk = System.getenv("JDK_IMAGE");
        if (jdk != null && !jdk.isEmpty()) {
            image.withBuildArg("JDK_IMAGE", jdk);
        }
        return image.get();
    }

    /** Returns the repository's root. */
    static Path root() {
        for (Path folder = Path.of("").toAbsolutePath(); folder != null; folder = folder.getParent()) {
            if (Files.exists(folder.resolve("Dockerfile"))) {
                return folder;
            }
        }
        throw new IllegalStateException("no Dockerfile above " + Path.of("").toAbsolutePath());
    }
}
