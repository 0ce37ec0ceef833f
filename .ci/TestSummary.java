import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import javax.xml.parsers.DocumentBuilder;
import javax.xml.parsers.DocumentBuilderFactory;
import org.w3c.dom.Document;
import org.w3c.dom.Element;
import org.w3c.dom.NodeList;

/**
 * Prints how many tests ran and which were skipped for what reason, from the XML reports of surefire and failsafe.
 * Run by .ci/run as {@code java .ci/TestSummary.java ROOT [--must-run REGEX]}; exits with 1 where a test of a class whose
 * name matches was skipped, or a report cannot be read.
 */
public final class TestSummary {

    public static void main(String[] args) throws Exception {
        Path root = Path.of(args[0]);
        String mustRun = args.length == 3 && args[1].equals("--must-run") ? args[2] : "(?!)";
        DocumentBuilder builder = DocumentBuilderFactory.newInstance().newDocumentBuilder();
        int tests = 0;
        int failed = 0;
        List<String> skipped = new ArrayList<>();
        List<String> refused = new ArrayList<>();
        for (Path report : reports(root)) {
            Document document = builder.parse(report.toFile());
            NodeList cases = document.getElementsByTagName("testcase");
            for (int i = 0; i < cases.getLength(); i++) {
                Element test = (Element) cases.item(i);
                tests++;
                if (has(test, "failure") || has(test, "error")) {
                    failed++;
                }
                if (has(test, "skipped")) {
                    Element why = (Element) test.getElementsByTagName("skipped").item(0);
                    String name = test.getAttribute("name");
                    String owner = test.getAttribute("classname");
                    String line = owner + (name.isEmpty() ? "" : "." + name) + ": " + reason(why);
                    skipped.add(line);
                    if (owner.matches(mustRun)) {
                        refused.add(line);
                    }
                }
            }
        }
        System.out.println("ci: " + tests + " tests, " + failed + " failed, " + skipped.size() + " skipped"
                + (skipped.isEmpty() ? "" : ":"));
        skipped.forEach(line -> System.out.println("  skipped " + line));
        refused.forEach(line -> System.err.println("ci: may not be skipped here: " + line));
        System.exit(refused.isEmpty() ? 0 : 1);
    }

    private static List<Path> reports(Path root) throws IOException {
        try (Stream<Path> files = Files.find(root, 5, (path, attributes) -> path.toString()
                .replace('\\', '/')
                .matches(".*/target/(surefire|failsafe)-reports/TEST-[^/]*\\.xml"))) {
            return files.sorted().toList();
        }
    }

    private static boolean has(Element test, String child) {
        return test.getElementsByTagName(child).getLength() > 0;
    }

    private static String reason(Element skipped) {
        String message = skipped.getAttribute("message").strip();
        if (message.isEmpty()) { // an assumption: only its stack trace is there
            message = skipped.getTextContent().strip().lines().findFirst().orElse("no reason given");
        }
        return message.replaceFirst("^[\\w.$]+: ", "").replaceFirst("^Assumption failed: ", "");
    }
}
