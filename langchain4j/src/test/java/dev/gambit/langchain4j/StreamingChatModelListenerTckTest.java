package dev.gambit.langchain4j;

import dev.gambit.engine.EmbeddedModel;
import dev.langchain4j.exception.InvalidRequestException;
import dev.langchain4j.model.chat.StreamingChatModel;
import dev.langchain4j.model.chat.common.AbstractStreamingChatModelListenerIT;
import dev.langchain4j.model.chat.listener.ChatModelListener;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;

/** langchain4j's own tests of what a {@link StreamingChatModel} tells its listeners, on the model that comes with Gambit. */
class StreamingChatModelListenerTckTest extends AbstractStreamingChatModelListenerIT {

    private final List<GambitStreamingChatModel> opened = new ArrayList<>();

    @AfterEach
    void close() {
        opened.forEach(GambitStreamingChatModel::close);
    }

    @Override
    protected StreamingChatModel createModel(ChatModelListener listener) {
        return keep(GambitStreamingChatModel.builder()
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
    protected StreamingChatModel createFailingModel(ChatModelListener listener) {
        return keep(GambitStreamingChatModel.builder().contextLength(4).listeners(listener).build());
    }

    @Override
    protected Class<? extends Exception> expectedExceptionClass() {
        return InvalidRequestException.class;
    }

    @Override
    protected boolean supportsTools() {
        return false;
    }

    private GambitStreamingChatModel keep(GambitStreamingChatModel model) {
        opened.add(model);
        return model;
    }
}
