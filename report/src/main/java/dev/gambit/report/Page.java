package dev.gambit.report;

import dev.gambit.calibration.Perplexity.Estimate;
import dev.gambit.calibration.TaskScore;
import dev.gambit.calibration.TaskScore.Metric;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Base64;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;

/** The page: pictures within it, tables, and what made them. It loads nothing. */
final class Page {

    private static final String STYLE =
            """
                    body { font: 15px/1.5 system-ui, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; color: #222; background: #fff;
                      max-width: 900px; margin: 2em auto; padding: 0 1em; }
                    h1 { font-size: 1.6em; margin-bottom: 0; } h2 { font-size: 1.2em; margin-top: 2em; }
                    p.quiet, figcaption { color: #666; } figure { margin: 1em 0; } img { width: 100%; height: auto; }
                    div.wide { overflow-x: auto; }
                    table { border-collapse: collapse; font-size: 13px; font-variant-numeric: tabular-nums; }
                    th { text-align: right; font-weight: 600; border-bottom: 1px solid #999; padding: 3px 10px; vertical-align: bottom; }
                    td { text-align: right; padding: 2px 10px; border-bottom: 1px solid #eee; white-space: nowrap; }
                    th:first-child, td:first-child { text-align: left; padding-left: 0; }
                    tr.first td { border-top: 1px solid #999; } td.notable { font-weight: 700; }
                    pre { background: #f6f6f6; padding: 1em; white-space: pre-wrap; overflow-wrap: anywhere; font-size: 13px; }
                    """;

    private final SweepHeader header;
    private final SweepFile file;
    private final List<String> facts;
    private final List<Picture> pictures;
    private final StringBuilder html = new StringBuilder();

    Page(SweepHeader header, SweepFile file, List<String> facts, List<Picture> pictures) {
        this.header = header;
        this.file = file;
        this.facts = facts;
        this.pictures = pictures;
    }

    String html() {
        String title = header.model() + " " + header.type() + ": policies over levels";
        html.append("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n")
                .append("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>")
                .append(text(title)).append("</title>\n<style>\n").append(STYLE).append(
                        "</style>\n</head>\n<body>\n<h1>")
                .append(text(title)).append("</h1>\n<p class=\"quiet\">").append(text(String.join(", ", header
                        .texts())))
                .append(", ").append(header.windows()).append(" windows of ").append(header.window())
                .append(" tokens, second half of each scored; masks on every token.</p>\n");
        figure("kl", "Each line is a policy, each mark a level. Lower is better; further right less is read. "
                + "Policies are to be compared at equal <i>active</i>, not at equal level.");
        figure("perplexity", "The same runs by what they predict of the text itself.");
        points();
        figure("speed", "Above the dashed line sparse generation is faster than dense generation on this machine.");
        figure("layers",
                "At the level nearest to 0.5. A site is a vector inside a layer; a channel of it that is skipped "
                        + "saves the weights it would have been multiplied with.");
        tasks();
        html.append("<h2>What made this page</h2>\n<pre>");
        facts.forEach(f -> html.append(text(f)).append('\n'));
        html.append("</pre>\n</body>\n</html>\n");
        return html.toString();
    }

    private void figure(String name, String caption) {
        for (Picture p : pictures) {
            if (p.name().equals(name)) {
                html.append("<figure>\n<img alt=\"").append(text(p.alternative())).append(
                        "\" src=\"data:image/svg+xml;base64,")
                        .append(Base64.getEncoder().encodeToString(p.svg().getBytes(StandardCharsets.UTF_8)))
                        .append("\">\n<figcaption>").append(caption).append("</figcaption>\n</figure>\n");
            }
        }
    }

    private void points() {
        html.append(
                "<h2>All points</h2>\n<div class=\"wide\"><table>\n<tr><th>policy<th>level<th>active<th>perplexity<th>±")
                .append("<th>KL<th>±<th>same top<th>bytes<th>tokens/s<th>dense<th>ratio<th>±</tr>\n");
        String before = "";
        List<SweepPoint.Text> sorted = new ArrayList<>(file.points(SweepPoint.Text.class));
        List<String> policies = Report.policies(file);
        sorted.sort(Comparator.comparingInt((SweepPoint.Text p) -> policies.indexOf(p.policy())).thenComparingDouble(
                SweepPoint.Text::level));
        for (SweepPoint.Text p : sorted) {
            html.append(p.policy().equals(before) ? "<tr>" : "<tr class=\"first\">");
            boolean dense = p.policy().equals(SweepPoint.DENSE);
            cell(p.policy());
            cell(dense ? "" : Double.toString(p.level()));
            cell(number(p.active(), 3));
            cell(number(p.perplexity().mean(), 2));
            cell(number(p.perplexity().error(), 2));
            cell(dense ? "" : number(p.divergence().mean(), 4));
            cell(dense ? "" : number(p.divergence().error(), 4));
            cell(dense ? "" : number(100 * p.sameTop().mean(), 1) + " %");
            SweepPoint.Speed speed = file.points(SweepPoint.Speed.class).stream().filter(p::isAt).findFirst()
                    .orElse(null);
            cell(speed == null ? "" : number(speed.bytes(), 3));
            cell(speed == null ? "" : number(speed.sparse(), 1));
            cell(speed == null ? "" : number(speed.dense(), 1));
            cell(speed == null ? "" : number(speed.ratio().mean(), 3));
            cell(speed == null ? "" : number(speed.ratio().error(), 3));
            html.append("</tr>\n");
            before = p.policy();
        }
        html.append(
                "</table></div>\n<p class=\"quiet\">active: fraction of the layers' linear weights used per token, lm head "
                        + "excluded. KL(dense‖sparse) in nats a token. same top: tokens whose likeliest prediction is the dense "
                        + "model's. bytes: fraction of all weights' bytes read to generate a token. ±: one standard error.</p>\n");
    }

    private void tasks() {
        List<SweepPoint.Tasks> all = file.points(SweepPoint.Tasks.class);
        SweepPoint.Tasks dense = Report.denseTasks(all);
        if (dense == null) {
            return;
        }
        html.append("<h2>Tasks</h2>\n");
        figure("tasks", "Differences within the bars are no evidence either way; perplexity and KL tell finer.");
        html.append("<div class=\"wide\"><table>\n<tr><th>acc<th>active");
        dense.scores().forEach(s -> html.append("<th>").append(text(s.task())));
        html.append("<th>mean</tr>\n<tr class=\"first\">");
        cell("dense");
        cell(number(dense.active(), 3));
        for (TaskScore s : dense.scores()) {
            cell(points(s.estimate(Metric.ACC)));
        }
        cell(points(TaskSummary.mean(dense)));
        html.append("</tr>\n");
        for (SweepPoint.Tasks p : TaskSummary.comparable(all, dense)) {
            html.append("<tr>");
            cell(p.name());
            cell(number(p.active(), 3));
            for (int t = 0; t < p.scores().size(); t++) {
                difference(p.scores().get(t).difference(dense.scores().get(t), Metric.ACC));
            }
            difference(TaskSummary.difference(p, dense));
            html.append("</tr>\n");
        }
        html.append(
                "</table></div>\n<p class=\"quiet\">Percent ± standard error of the dense model, then the paired differences "
                        + "to it; bold beyond two standard errors, which chance alone reaches once in twenty.</p>\n");
    }

    private void difference(Estimate e) {
        boolean notable = e.mean() != 0 && Math.abs(e.mean()) > 2 * e.error();
        html.append(notable ? "<td class=\"notable\">" : "<td>").append(e.mean() > 0 ? "+" : "").append(points(e));
    }

    private static String points(Estimate e) {
        return number(100 * e.mean(), 1) + " ± " + number(100 * e.error(), 1);
    }

    private void cell(String content) {
        html.append("<td>").append(text(content));
    }

    private static String number(double x, int decimals) {
        return String.format(Locale.ROOT, "%." + decimals + "f", x);
    }

    private static String text(String plain) {
        return plain.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("\"", "&quot;");
    }
}
