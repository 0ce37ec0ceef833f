package dev.gambit.app.server;

/** What the server calls itself. */
final class ServerVersion {

    static final String FINGERPRINT = "gambit-" + version();

    private ServerVersion() {}

    static String version() {
        String version = ServerVersion.class.getPackage().getImplementationVersion();
        return version == null ? "development" : version;
    }
}
