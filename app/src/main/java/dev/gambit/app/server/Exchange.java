package dev.gambit.app.server;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.locks.ReentrantLock;
import org.eclipse.jetty.http.HttpHeader;
import org.eclipse.jetty.io.Content;
import org.eclipse.jetty.io.EndPoint;
import org.eclipse.jetty.server.Request;
import org.eclipse.jetty.server.Response;

/** One request and its answer. Reads and writes block, which is what virtual threads are for. */
final class Exchange {

    private static final int PIECE = 16 << 10;
    /** What nginx calls the status of a request whose client went away. */
    private static final int CLIENT_CLOSED = 499;

    private final Request request;
    private final Response response;
    private final ServerOptions options;
    private final long start = System.nanoTime();
    private final ByteBuffer probe = ByteBuffer.allocate(1);
    private final ReentrantLock connection = new ReentrantLock();
    private boolean bodyRead;
    private boolean ended;
    private boolean gone;
    private boolean streaming;
    private boolean failed;
    private boolean pipelined;

    Exchange(Request request, Response response, ServerOptions options) {
        this.request = request;
        this.response = response;
        this.options = options;
        // a client that waits for its answer is silent, and an answer may take long; reads and writes have limits still
        request.addIdleTimeoutListener(e -> false);
    }

    String method() {
        return request.getMethod();
    }

    String path() {
        return request.getHttpURI().getCanonicalPath();
    }

    String header(HttpHeader name) {
        return request.getHeaders().get(name);
    }

    /** When it began, in {@link System#nanoTime}. */
    long start() {
        return start;
    }

    int status() {
        return response.getStatus();
    }

    /** Returns the body as a JSON object. */
    ObjectNode json() {
        return Json.parse(body());
    }

    /**
     * Reads the body.
     *
     * @throws ApiException 413 where it is too large, 408 where it does not come
     */
    private byte[] body() {
        if (request.getLength() > options.maxBody()) {
            throw tooLarge();
        }
        ByteArrayOutputStream body = new ByteArrayOutputStream(PIECE);
        byte[] piece = new byte[PIECE];
        try (InputStream in = Content.Source.asInputStream(request)) {
            for (int n = in.read(piece); n >= 0; n = in.read(piece)) {
                body.write(piece, 0, n);
                if (body.size() > options.maxBody()) {
                    throw tooLarge();
                }
                // drop by drop it would never be idle
                if (System.nanoTime() - start > 2 * options.ioTimeout().toNanos()) {
                    throw tooSlow();
                }
            }
        } catch (IOException e) {
            if (e.getCause() instanceof TimeoutException) {
                throw tooSlow();
            }
            throw ApiException.request(400, "incomplete_body", "The body ended before it was complete.");
        }
        bodyRead = true;
        return body.toByteArray();
    }

    private ApiException tooLarge() {
        return ApiException.request(413, "request_too_large",
                "The body is larger than the " + options.maxBody() + " bytes that this server takes (--max-body).");
    }

    private ApiException tooSlow() {
        return ApiException.request(408, "request_timeout", "The body did not come in time: a pause may last "
                + options.ioTimeout().toSeconds() + " s, all of it twice that.");
    }

    Response response() {
        return response;
    }

    void header(String name, String value) {
        response.getHeaders().put(name, value);
    }

    /** Answers with JSON. */
    void reply(JsonNode json) throws IOException {
        reply(200, "application/json; charset=utf-8", Json.bytes(json));
    }

    void reply(int status, String contentType, byte[] body) throws IOException {
        response.setStatus(status);
        response.getHeaders().put(HttpHeader.CONTENT_TYPE, contentType);
        stopProbing();
        if (pipelined || !bodyRead && hasBody()) {
            // what is left of the request would be taken for the next one; or the next one has lost a byte
            response.getHeaders().put(HttpHeader.CONNECTION, "close");
        }
        if (method().equals("HEAD")) {
            response.getHeaders().put(HttpHeader.CONTENT_LENGTH, body.length);
            write(true, new byte[0]);
        } else {
            write(true, body);
        }
    }

    private boolean hasBody() {
        return request.getLength() > 0 || request.getHeaders().contains(HttpHeader.TRANSFER_ENCODING);
    }

    /** Answers with an error, in the middle of a stream too. */
    void fail(ApiException e) throws IOException {
        if (failed || gone) {
            return;
        }
        failed = true;
        if (streaming) {
            event(Json.text(e.json()));
            endStream();
            return;
        }
        if (response.isCommitted()) {
            return;
        }
        if (e.status() == 503 || e.status() == 429) {
            response.getHeaders().put(HttpHeader.RETRY_AFTER, "1");
        }
        reply(e.status(), "application/json; charset=utf-8", Json.bytes(e.json()));
    }

    /** Begins a stream of server-sent events. */
    void beginStream() {
        streaming = true;
        response.setStatus(200);
        response.getHeaders().put(HttpHeader.CONTENT_TYPE, "text/event-stream; charset=utf-8");
        response.getHeaders().put(HttpHeader.CACHE_CONTROL, "no-cache");
        response.getHeaders().put("X-Accel-Buffering", "no"); // nginx would collect the events
    }

    boolean isStreaming() {
        return streaming;
    }

    /** Sends one event; waits while the client does not read. */
    void event(String data) throws IOException {
        write(false, ("data: " + data + "\n\n").getBytes(StandardCharsets.UTF_8));
    }

    void endStream() throws IOException {
        stopProbing();
        write(true, new byte[0]);
    }

    private void write(boolean last, byte[] bytes) throws IOException {
        try {
            Content.Sink.write(response, last, ByteBuffer.wrap(bytes));
        } catch (IOException e) {
            gone = true;
            throw e;
        }
    }

    /**
     * Returns whether the client has closed the connection. Jetty does not read while a request is worked on, so nobody
     * else takes notice; callable from any thread.
     */
    boolean isGone() {
        connection.lock();
        try {
            if (gone || ended || !bodyRead) {
                return gone;
            }
            EndPoint endPoint = request.getConnectionMetaData().getConnection().getEndPoint();
            if (!endPoint.isOpen()) {
                gone = true;
            } else if (endPoint.getTransport() instanceof SocketChannel channel && !channel.isBlocking()) {
                probe.clear();
                int n = channel.read(probe);
                gone = n < 0;
                if (n > 0) {
                    // the next request, before this one's answer: damaged now, so the connection ends with this one
                    pipelined = true;
                }
            }
            return gone;
        } catch (IOException e) {
            gone = true;
            return true;
        } finally {
            connection.unlock();
        }
    }

    /** Closes the connection in the middle of an answer, so that nobody takes it for a whole one. */
    void abandon() {
        if (!response.isCommitted()) {
            response.setStatus(CLIENT_CLOSED); // for the log: nobody reads it
        }
        request.getConnectionMetaData().getConnection().getEndPoint().close();
    }

    /** The connection is Jetty's again: call it before an answer's last bytes, as a request may follow at once. */
    private void stopProbing() {
        connection.lock();
        ended = true;
        connection.unlock();
    }

    /** Ends the exchange; call it before its callback. */
    void end() {
        stopProbing();
        if (pipelined && streaming) {
            request.getConnectionMetaData().getConnection().getEndPoint().close();
        }
    }
}
