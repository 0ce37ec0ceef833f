package dev.gambit.app.server;

import java.time.Duration;
import java.util.List;

/**
 * How to serve.
 *
 * @param host the address to listen on
 * @param port the port; 0 for any free one
 * @param apiKeys keys of which a client has to show one; none for everybody
 * @param alias what to call the model; null for its file's name
 * @param parallel slots: requests that are worked on at a time
 * @param queue requests that may wait for a slot
 * @param maxBody bytes of a request's body
 * @param timeout how long a request may take, waiting included
 * @param ioTimeout how long a client may keep silent in the middle of a request, or not read its answer
 * @param drain how long running requests may go on when the server is told to end
 * @param predict most tokens of an answer whose request does not say; -1 for what the context holds
 * @param verbose whether each request is logged
 */
public record ServerOptions(
        String host,
        int port,
        List<String> apiKeys,
        String alias,
        int parallel,
        int queue,
        int maxBody,
        Duration timeout,
        Duration ioTimeout,
        Duration drain,
        int predict,
        boolean verbose) {

    /** Copies the keys. */
    public ServerOptions {
        apiKeys = List.copyOf(apiKeys);
    }
}
