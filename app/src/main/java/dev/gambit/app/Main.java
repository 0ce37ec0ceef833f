package dev.gambit.app;

/** Prints the version. */
public final class Main {

    private Main() {}

    /**
     * Starts the command line.
     *
     * @param args the arguments, ignored
     */
    public static void main(String[] args) {
        System.out.println("gambit " + Main.class.getPackage().getImplementationVersion());
    }
}
