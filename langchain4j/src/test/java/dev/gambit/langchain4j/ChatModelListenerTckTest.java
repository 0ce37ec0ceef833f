package dev.gambit.langchain4j;

import dev.gambit.engine.EmbeddedModel;
import dev.langchain4j.exception.InvalidRequestException;
import dev.langchain4j.model.chat.ChatModel;
import dev.langchain4j.model.chat.common.AbstractChatModelListenerIT;
import dev.langchain4j.model.chat.listener.ChatModelListener;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;

/** langchain4j's own tests of what a {@link ChatModel} tells its listeners, on the model that comes with Gambit. */
class ChatModelListenerTckTest extends AbstractChatModelListenerIT {

    private final List<GambitChatModel> opened = new ArrayList<>();

    @AfterEach
    void close() {
        opened.forEach(GambitChatModel::close);
    }

    @Override
    protected ChatModel createModel(ChatModelListener listener) {
        return keep(GambitChatModel.builder()
                .modelName(modelName())
                .temperature(temperature())
                .topP(topP())
                .maxOutputTokens(maxTokens())
                .listeners(listener)
                .build());
    }

    @Override
    protected String modelName() {
        return EmbeddedModel.NAME;
    }

    /** Its context is too short for any conversation. */
    @Override
    protected ChatModel createFailingModel(ChatModelListener listener) {
        return keep(GambitChatModel.builder().contextLength(4).listeners(listener).build());
    }

    @Override
    protected Class<? extends Exception> expectedExceptionClass() {
        return InvalidRequestException.class;
    }

    @Override
    protected boolean supportsTools() {
        return false;
    }

    private GambitChatModel keep(GambitChatModel model) {
        opened.add(model);
        return model;
    }
}
