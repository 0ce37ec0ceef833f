package dev.gambit.it.container;

import java.net.URI;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.testcontainers.containers.BindMode;
import org.testcontainers.containers.GenericContainer;
import org.testcontainers.containers.wait.strategy.Wait;
import org.testcontainers.utility.DockerImageName;

/**
 * {@code gambit serve} in a container as hardened as users may want it: read-only, no capabilities, no new privileges, a
 * limited number of processes.
 */
final class ServerContainer extends GenericContainer<ServerContainer> {

    private static final int PORT = 8080;

    private static ServerContainer shared;

    private final List<String> arguments = new ArrayList<>(List.of("serve"));

    ServerContainer(String... more) {
        super(DockerImageName.parse(Images.gambit()));
        arguments.addAll(List.of(more));
        withCommand(arguments.toArray(String[]::new));
        withExposedPorts(PORT);
        waitingFor(Wait.forHttp("/health").forPort(PORT).forStatusCode(200).withStartupTimeout(Duration.ofSeconds(90)));
        withCreateContainerCmdModifier(cmd -> cmd.getHostConfig()
                .withReadonlyRootfs(true)
                .withCapDrop(com.github.dockerjava.api.model.Capability.ALL)
                .withSecurityOpts(List.of("no-new-privileges"))
                .withPidsLimit(200L));
    }

    /** Returns a server with the built-in model that all classes share; it ends with the JVM. */
    static synchronized ServerContainer shared() {
        if (shared == null) {
            ServerContainer container = new ServerContainer("--parallel", "16");
            container.start();
            shared = container;
        }
        return shared;
    }

    /** Mounts a model and serves it. */
    ServerContainer withModel(Path file) {
        arguments.addAll(List.of("-m", "/models/model.gguf"));
        withCommand(arguments.toArray(String[]::new));
        return withFileSystemBind(file.toString(), "/models/model.gguf", BindMode.READ_ONLY);
    }

    /** Returns the server's address, without a slash at the end. */
    String url() {
        return "http://" + getHost() + ":" + getMappedPort(PORT);
    }

    /** Returns the address of a page. */
    URI page(String path) {
        return URI.create(url() + path);
    }
}
