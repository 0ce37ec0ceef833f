package dev.gambit.app;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import picocli.CommandLine;
import picocli.CommandLine.Help;
import picocli.CommandLine.Model.ArgSpec;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.Model.UsageMessageSpec;

/** Lists a command's options in groups: its own first, then those of each mixin under the mixin's name. */
final class HelpLayout {

    private static final Map<String, String> HEADINGS = Map.of("options", "Model", "sampling", "Sampling");

    /** {@code --temp T}, as llama.cpp writes it; {@code --temp=T} works, too. */
    private static final Help.IParamLabelRenderer LABELS = new Help.IParamLabelRenderer() {
        @Override
        public Help.Ansi.Text renderParameterLabel(ArgSpec arg, Help.Ansi ansi, List<Help.Ansi.IStyle> styles) {
            return ansi.new Text(arg.arity().max() == 0 ? "" : " " + arg.paramLabel());
        }

        @Override
        public String separator() {
            return " ";
        }
    };

    private HelpLayout() {}

    static void install(CommandLine root) {
        for (CommandLine command : root.getSubcommands().values()) {
            command.getHelpSectionMap().put(UsageMessageSpec.SECTION_KEY_OPTION_LIST, HelpLayout::options);
            command.getHelpSectionMap().put(UsageMessageSpec.SECTION_KEY_OPTION_LIST_HEADING, help -> "");
        }
    }

    private static String options(Help help) {
        CommandSpec spec = help.commandSpec();
        Map<String, List<OptionSpec>> groups = new LinkedHashMap<>();
        List<OptionSpec> own = new ArrayList<>();
        groups.put("Options", own);
        Map<OptionSpec, String> headings = new LinkedHashMap<>();
        spec.mixins().forEach((name, mixin) -> {
            String heading = HEADINGS.get(name);
            for (OptionSpec option : mixin.options()) {
                headings.put(option, heading == null ? "Options" : heading);
            }
        });
        for (OptionSpec option : spec.options()) {
            if (option.hidden()) {
                continue;
            }
            String heading = headings.getOrDefault(option, "Options");
            groups.computeIfAbsent(heading, h -> new ArrayList<>()).add(option);
        }
        StringBuilder text = new StringBuilder();
        groups.forEach((heading, options) -> {
            if (!options.isEmpty()) {
                Help.Layout layout = help.createDefaultLayout();
                layout.addAllOptions(options, LABELS);
                text.append(help.createHeading("%n@|bold " + heading + "|@%n")).append(layout);
            }
        });
        return text.toString();
    }
}
