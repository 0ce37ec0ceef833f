package dev.gambit.app;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gambit.engine.EmbeddedModel;
import dev.gambit.engine.GambitException;
import dev.gambit.engine.GenerationListener;
import dev.gambit.engine.GenerationOptions;
import dev.gambit.engine.GenerationResult;
import dev.gambit.engine.LanguageModel;
import dev.gambit.engine.ModelOptions;
import dev.gambit.engine.SamplingOptions;
import dev.gambit.engine.Session;
import java.util.List;
import org.junit.jupiter.api.Test;

class ConversationTest {

    private static final GenerationOptions OPTIONS =
            GenerationOptions.builder().maxTokens(12).sampling(SamplingOptions.greedy()).build();

    @Test
    void aTurnEvaluatesOnlyWhatIsNewAndAnswersAsIfItHadEvaluatedAll() {
        try (LanguageModel model = EmbeddedModel.open(ModelOptions.defaults());
                Session session = model.session();
                Session fresh = model.session()) {
            Conversation chat = new Conversation(model, session, "You tell stories.");
            GenerationResult first = chat.reply("Tell me about a cat.", OPTIONS, GenerationListener.NONE);
            int position = session.position();
            GenerationResult second = chat.reply("And a dog?", OPTIONS, GenerationListener.NONE);
            assertEquals(5, chat.messages().size());
            assertEquals(first.text(), chat.messages().get(2).content());

            String whole = model.chatTemplate().render(chat.messages().subList(0, 4), true);
            int[] tokens = model.tokenizer().encode(whole, true, true);
            assertTrue(second.timings().promptTokens() <= tokens.length - position + 1,
                    second.timings().promptTokens() + " of " + tokens.length + " with " + position + " evaluated");
            GenerationResult again = fresh.generate(tokens, OPTIONS, GenerationListener.NONE);
            assertEquals(again.text(), second.text());
        }
    }

    @Test
    void whatDoesNotFitLeavesTheConversationAsItWas() {
        try (LanguageModel model = EmbeddedModel.open(ModelOptions.builder().contextLength(64).build());
                Session session = model.session()) {
            Conversation chat = new Conversation(model, session, null);
            String answer = chat.reply("Hello.", OPTIONS, GenerationListener.NONE).text();
            assertThrows(GambitException.class,
                    () -> chat.reply("word ".repeat(100), OPTIONS, GenerationListener.NONE));
            assertEquals(List.of("user", "assistant"), chat.messages().stream().map(m -> m.role()).toList());
            chat.reply("Hi.", OPTIONS, GenerationListener.NONE);
            chat.clear();
            assertEquals(answer, chat.reply("Hello.", OPTIONS, GenerationListener.NONE).text());
        }
    }

    @Test
    void pipedTextIsAnsweredOnce() {
        Run run = Run.with("Tell me about a cat.\n", "chat", "--temp", "0", "-n", "8");
        assertEquals(0, run.status(), run.err());
        assertTrue(!run.out().isBlank() && run.out().endsWith("\n"), run.out());
        assertTrue(run.err().contains("eval time"), run.err());
        Run same = Run.of("chat", "-p", "Tell me about a cat.", "--temp", "0", "-n", "8", "--no-perf");
        assertEquals(run.out(), same.out());
        assertEquals("", same.err());
    }
}
