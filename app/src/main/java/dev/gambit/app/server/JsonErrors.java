package dev.gambit.app.server;

import java.nio.ByteBuffer;
import org.eclipse.jetty.http.HttpField;
import org.eclipse.jetty.http.HttpHeader;
import org.eclipse.jetty.server.Request;
import org.eclipse.jetty.server.Response;
import org.eclipse.jetty.server.handler.ErrorHandler;
import org.eclipse.jetty.util.Callback;

/** Answers what Jetty itself refuses, such as headers that are too long, in the same JSON as everything else. */
final class JsonErrors extends ErrorHandler {

    @Override
    public boolean handle(Request request, Response response, Callback callback) {
        int status = response.getStatus();
        if (status == 501 || status == 505) {
            status = 400; // a transfer encoding or a version that there is not: the request's fault
            response.setStatus(status);
        }
        Object reason = request.getAttribute(ERROR_MESSAGE);
        String message = switch (status) {
            case 431 -> "The request's headers are larger than this server takes.";
            case 414 -> "The request's address is longer than this server takes.";
            case 408 -> "The request did not come in time.";
            default -> status >= 500 ? "Something failed in the server; its log says what."
                    : "The request is not valid HTTP" + (reason == null ? "." : ": " + reason);
        };
        ApiException e = status >= 500 ? ApiException.internal(message)
                : ApiException.request(status, "invalid_http", message);
        response.getHeaders().put(new HttpField(HttpHeader.CONTENT_TYPE, "application/json; charset=utf-8"));
        response.write(true, ByteBuffer.wrap(Json.bytes(e.json())), callback);
        return true;
    }
}
