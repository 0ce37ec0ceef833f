package dev.gambit.app.server;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.Supplier;
import org.eclipse.jetty.http.HttpHeader;
import org.eclipse.jetty.server.Handler;
import org.eclipse.jetty.server.Request;
import org.eclipse.jetty.server.Response;
import org.eclipse.jetty.util.Callback;

/** Finds who answers a path, and makes an answer of whatever goes wrong. */
final class Router extends Handler.Abstract {

    private static final Logger LOG = System.getLogger("dev.gambit.server");

    /** What answers a path. */
    @FunctionalInterface
    private interface Action {
        void run(Api api, Exchange exchange) throws IOException, InterruptedException;
    }

    private record Route(String method, Action action) {}

    private final ServerOptions options;
    private final Metrics metrics;
    private final Keys keys;
    private final Map<String, Route> routes = new LinkedHashMap<>();
    private volatile Api api;
    /** Says why the model cannot go on; null while it works. */
    private volatile Supplier<String> failure;
    private volatile boolean draining;

    Router(ServerOptions options, Metrics metrics) {
        this.options = options;
        this.metrics = metrics;
        keys = new Keys(options.apiKeys());
        post("/completions", Api::completions, "/v1/completions");
        post("/chat/completions", Api::chatCompletions, "/v1/chat/completions");
        post("/completion", Api::nativeCompletion);
        post("/tokenize", Api::tokenize);
        post("/detokenize", Api::detokenize);
        post("/apply-template", Api::applyTemplate);
        get("/models", Api::models, "/v1/models");
        get("/props", Api::props);
        get("/slots", Api::slots);
    }

    private void post(String path, Action action, String... more) {
        add("POST", path, action, more);
    }

    private void get(String path, Action action, String... more) {
        add("GET", path, action, more);
    }

    private void add(String method, String path, Action action, String... more) {
        Route route = new Route(method, action);
        routes.put(path, route);
        for (String other : more) {
            routes.put(other, route);
        }
    }

    /**
     * The model is there.
     *
     * @param broken says why it cannot go on; null while it works
     */
    void ready(Api loaded, Supplier<String> broken) {
        failure = broken;
        api = loaded;
    }

    /** Refuses what comes from now on. */
    void drain() {
        draining = true;
    }

    @Override
    public boolean handle(Request request, Response response, Callback callback) {
        Exchange exchange = new Exchange(request, response, options);
        boolean answered;
        try {
            answer(exchange);
            answered = true;
        } catch (InterruptedException e) {
            answered = false; // nobody is there to be answered
        } catch (Throwable e) {
            answered = fail(exchange, e);
        }
        if (!answered) {
            exchange.abandon();
        }
        metrics.answered(label(exchange.path()), exchange.status());
        if (options.verbose()) {
            LOG.log(Level.INFO, "{0} {1} {2} {3} ms", exchange.method(), exchange.path(),
                    Integer.toString(exchange.status()), Long.toString((System.nanoTime() - exchange.start())
                            / 1_000_000));
        }
        exchange.end();
        callback.succeeded();
        return true;
    }

    /** Answers with an error; false where nobody is there to be answered. */
    private static boolean fail(Exchange exchange, Throwable failure) {
        ApiException e;
        switch (failure) {
            case ApiException known -> e = known;
            case IOException gone -> {
                return false;
            }
            default -> {
                LOG.log(Level.ERROR, exchange.method() + " " + exchange.path() + " failed", failure);
                e = ApiException.internal("Something failed in the server; its log says what.");
            }
        }
        try {
            exchange.fail(e);
            return true;
        } catch (IOException gone) {
            return false;
        }
    }

    private void answer(Exchange exchange) throws IOException, InterruptedException {
        String path = exchange.path();
        if (path == null) {
            throw ApiException.request(400, "invalid_url", "The path is not a valid one.");
        }
        switch (path) {
            case "/health", "/v1/health" -> {
                allow(exchange, "GET");
                health(exchange);
            }
            case "/metrics" -> {
                allow(exchange, "GET");
                keys.check(exchange.header(HttpHeader.AUTHORIZATION));
                exchange.reply(200, "text/plain; version=0.0.4; charset=utf-8",
                        metrics.text().getBytes(StandardCharsets.UTF_8));
            }
            default -> {
                if (Page.has(path)) {
                    allow(exchange, "GET");
                    Page.send(exchange, path);
                } else {
                    api(exchange, path);
                }
            }
        }
    }

    private void api(Exchange exchange, String path) throws IOException, InterruptedException {
        Route route = routes.get(path);
        String model = route == null ? model(path) : null;
        if (route == null && model == null) {
            throw ApiException.request(404, "unknown_url",
                    "There is nothing at '" + exchange.method() + " " + path + "'.");
        }
        allow(exchange, route == null ? "GET" : route.method());
        keys.check(exchange.header(HttpHeader.AUTHORIZATION));
        Api now = api;
        if (draining) {
            throw ApiException.unavailable("shutting_down", "The server is shutting down.");
        }
        if (now == null) {
            throw loading();
        }
        if (route == null) {
            now.model(exchange, model);
        } else {
            route.action().run(now, exchange);
        }
    }

    private static ApiException loading() {
        return ApiException.unavailable("loading_model", "Loading model");
    }

    /** Returns the name in {@code /v1/models/NAME}; null for another path. */
    private static String model(String path) {
        for (String prefix : new String[] {"/v1/models/", "/models/"}) {
            if (path.startsWith(prefix) && path.length() > prefix.length()) {
                return path.substring(prefix.length());
            }
        }
        return null;
    }

    private static void allow(Exchange exchange, String method) {
        if (exchange.method().equals(method) || method.equals("GET") && exchange.method().equals("HEAD")) {
            return;
        }
        exchange.header("Allow", method.equals("GET") ? "GET, HEAD" : method);
        throw ApiException.request(405, "method_not_allowed",
                "'" + exchange.path() + "' takes " + method + ", not " + exchange.method() + ".");
    }

    private void health(Exchange exchange) throws IOException {
        if (draining) {
            throw ApiException.unavailable("shutting_down", "The server is shutting down.");
        }
        if (api == null) {
            throw loading();
        }
        String broken = failure.get();
        if (broken != null) {
            throw ApiException.unavailable("model_failed", broken); // who watches is to start the server anew
        }
        ObjectNode ok = Json.object().put("status", "ok");
        exchange.reply(ok);
    }

    /** Paths that anybody can make up must not become labels of a metric. */
    private String label(String path) {
        return path != null && (routes.containsKey(path) || path.equals("/health") || path.equals("/metrics")
                || Page.has(path)) ? path : "other";
    }
}
