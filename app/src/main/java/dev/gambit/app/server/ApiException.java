package dev.gambit.app.server;

import com.fasterxml.jackson.databind.node.ObjectNode;

/** What is wrong with a request, as OpenAI's API says it: a status and {@code {"error":{message,type,param,code}}}. */
final class ApiException extends RuntimeException {

    private static final long serialVersionUID = 1L;

    private static final String INVALID = "invalid_request_error";

    private final int status;
    private final String type;
    private final String param;
    private final String code;

    ApiException(int status, String type, String param, String code, String message) {
        super(message, null, false, false); // no stack trace: it is an answer, and cheap
        this.status = status;
        this.type = type;
        this.param = param;
        this.code = code;
    }

    /** 400: a field that is wrong. */
    static ApiException invalid(String param, String message) {
        return new ApiException(400, INVALID, param, "invalid_value", message);
    }

    /** 400: a field of another kind. */
    static ApiException wrongType(String param, String message) {
        return new ApiException(400, INVALID, param, "invalid_type", message);
    }

    /** 400: a field that nobody knows, or that this server or model cannot honour. */
    static ApiException unsupported(String param, String message) {
        return new ApiException(400, INVALID, param, "unsupported_parameter", message);
    }

    /** 400 to 417: the request as a whole. */
    static ApiException request(int status, String code, String message) {
        return new ApiException(status, INVALID, null, code, message);
    }

    /** 400: more tokens than a slot has room for. */
    static ApiException contextExceeded(String param, int tokens, int context) {
        return new ApiException(400, INVALID, param, "context_length_exceeded",
                "The prompt has " + tokens + " tokens, and this server's context holds " + context
                        + ", one of which has to be left for the answer; shorten the prompt or start the server with a "
                        + "larger -c.");
    }

    /** 429: too many wait already. */
    static ApiException queueFull(int waiting) {
        return new ApiException(429, "rate_limit_error", null, "rate_limit_exceeded",
                "All slots are busy and " + waiting + " requests wait already, which is this server's limit (--queue); "
                        + "try again later.");
    }

    /** 503: not yet, or no more. */
    static ApiException unavailable(String code, String message) {
        return new ApiException(503, "unavailable_error", null, code, message);
    }

    /** 500: something broke here. */
    static ApiException internal(String message) {
        return new ApiException(500, "server_error", null, "internal_error", message);
    }

    int status() {
        return status;
    }

    String code() {
        return code;
    }

    /** Returns the body of the answer. */
    ObjectNode json() {
        ObjectNode json = Json.object();
        ObjectNode error = json.putObject("error");
        error.put("message", getMessage());
        error.put("type", type);
        error.put("param", param);
        error.put("code", code);
        return json;
    }
}
