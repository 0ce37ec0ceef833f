package dev.gambit.app.server;

import dev.gambit.engine.GambitException;
import dev.gambit.engine.LanguageModel;
import java.io.IOException;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.util.concurrent.Executors;
import java.util.function.Supplier;
import org.eclipse.jetty.server.HttpConfiguration;
import org.eclipse.jetty.server.HttpConnectionFactory;
import org.eclipse.jetty.server.NetworkConnectionLimit;
import org.eclipse.jetty.server.Server;
import org.eclipse.jetty.server.ServerConnector;
import org.eclipse.jetty.util.thread.QueuedThreadPool;

/**
 * A model behind HTTP. It listens at once and answers 503 until {@link #ready} brings the model; {@link #drain} lets
 * what runs come to its end; {@link #close} ends all of it. The model is the caller's to close, afterwards.
 */
public final class GambitServer implements AutoCloseable {

    private static final int HEADER_BYTES = 16 << 10;
    private static final int CONNECTIONS = 2000;
    /** Few: they only accept and select, each request has a virtual thread. */
    private static final int THREADS = 12;

    private final ServerOptions options;
    private final Metrics metrics = new Metrics();
    private final Router router;
    private final Server server;
    private final ServerConnector connector;
    private volatile Api api;

    private GambitServer(ServerOptions options) {
        this.options = options;
        router = new Router(options, metrics);
        QueuedThreadPool threads = new QueuedThreadPool(THREADS, 2);
        threads.setName("gambit-http");
        threads.setDaemon(true);
        threads.setVirtualThreadsExecutor(Executors.newThreadPerTaskExecutor(
                Thread.ofVirtual().name("gambit-request-", 0).factory()));
        server = new Server(threads);
        HttpConfiguration http = new HttpConfiguration();
        http.setRequestHeaderSize(HEADER_BYTES);
        http.setSendServerVersion(false);
        http.setSendXPoweredBy(false);
        connector = new ServerConnector(server, 1, 1, new HttpConnectionFactory(http));
        connector.setHost(options.host());
        connector.setPort(options.port());
        // Within a request a client may pause for so long; between two it may keep its connection for longer: one that
        // is closed just as the next request is sent would be an error to the client.
        http.setIdleTimeout(options.ioTimeout().toMillis());
        connector.setIdleTimeout(options.ioTimeout().toMillis() * 5 / 2);
        connector.setReuseAddress(true);
        server.addConnector(connector);
        server.addBean(new NetworkConnectionLimit(CONNECTIONS, server));
        server.setErrorHandler(new JsonErrors());
        server.setHandler(router);
        server.setStopTimeout(0);
    }

    /**
     * Begins to listen.
     *
     * @throws GambitException where the address cannot be had
     */
    public static GambitServer start(ServerOptions options) {
        GambitServer s = new GambitServer(options);
        try {
            s.server.start();
            return s;
        } catch (Exception e) {
            s.stop();
            throw new GambitException(GambitException.line(
                    "--host " + options.host() + " --port " + options.port(), "an address that is free", reason(e),
                    "end the program that listens there or choose another --port"), e);
        }
    }

    private static String reason(Exception e) {
        Throwable cause = e instanceof IOException && e.getCause() != null ? e.getCause() : e;
        return cause instanceof UnknownHostException ? "an unknown host"
                : cause.getMessage() == null ? cause.getClass().getSimpleName() : cause.getMessage();
    }

    /** Returns the port it listens on. */
    public int port() {
        return connector.getLocalPort();
    }

    /** Returns where a browser finds it. */
    public String url() {
        String host = options.host();
        try {
            if (InetAddress.getByName(host).isAnyLocalAddress()) {
                host = "127.0.0.1";
            }
        } catch (UnknownHostException e) {
            // it listens there, so it is known; and this is a text for people
        }
        return "http://" + (host.contains(":") ? "[" + host + "]" : host) + ":" + port();
    }

    /** Serves a model from now on. */
    public void ready(LanguageModel model, Defaults defaults) {
        ready(model, defaults, model::failure);
    }

    /**
     * @param failure says why the model cannot go on; null while it works
     */
    void ready(LanguageModel model, Defaults defaults, Supplier<String> failure) {
        api = new Api(model, defaults, options, metrics);
        router.ready(api, failure);
    }

    /**
     * Refuses new requests and lets the running ones come to their end, those that take too long only to their next
     * token.
     */
    public void drain() {
        router.drain();
        Api now = api;
        if (now == null) {
            return;
        }
        Slots slots = now.generator().slots();
        slots.drain();
        try {
            if (!slots.awaitIdle(options.drain().toNanos())) {
                now.generator().cancelAll();
                slots.awaitIdle(options.ioTimeout().toNanos());
            }
        } catch (InterruptedException e) {
            now.generator().cancelAll();
            Thread.currentThread().interrupt();
        }
    }

    private void stop() {
        try {
            server.stop();
        } catch (Exception e) {
            throw new IllegalStateException("the HTTP server does not stop", e);
        }
    }

    /** Ends all requests within a token, closes the connections and frees the slots' sessions. */
    @Override
    public void close() {
        router.drain();
        Api now = api;
        if (now != null) {
            now.generator().slots().drain();
            now.generator().cancelAll();
            try {
                now.generator().slots().awaitIdle(options.ioTimeout().toNanos());
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        }
        stop();
        if (now != null) {
            now.close();
        }
    }
}
