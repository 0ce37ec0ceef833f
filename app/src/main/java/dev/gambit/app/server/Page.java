package dev.gambit.app.server;

import java.io.IOException;
import java.io.InputStream;
import java.util.Map;

/** The page at {@code /} to try the model: files that come with the program, and nothing from elsewhere. */
final class Page {

    private record File(String resource, String type) {}

    private static final Map<String, File> FILES = Map.of(
            "/", new File("index.html", "text/html; charset=utf-8"),
            "/index.html", new File("index.html", "text/html; charset=utf-8"),
            "/page.css", new File("page.css", "text/css; charset=utf-8"),
            "/page.js", new File("page.js", "text/javascript; charset=utf-8"),
            "/favicon.svg", new File("favicon.svg", "image/svg+xml"));

    private Page() {}

    static boolean has(String path) {
        return FILES.containsKey(path);
    }

    static void send(Exchange exchange, String path) throws IOException {
        File file = FILES.get(path);
        byte[] bytes;
        try (InputStream in = Page.class.getResourceAsStream("page/" + file.resource())) {
            if (in == null) {
                throw ApiException.request(404, "unknown_url", "This build has no page.");
            }
            bytes = in.readAllBytes();
        }
        exchange.header("Content-Security-Policy", "default-src 'self'; frame-ancestors 'none'; base-uri 'none'");
        exchange.header("X-Content-Type-Options", "nosniff");
        exchange.header("Cache-Control", "no-cache");
        exchange.reply(200, file.type(), bytes);
    }
}
