package dev.gambit.langchain4j.spi;

import dev.gambit.langchain4j.GambitStreamingChatModel;
import java.util.function.Supplier;

/**
 * Makes the builders that {@link GambitStreamingChatModel#builder()} returns, where a framework names one in
 * META-INF/services.
 */
public interface GambitStreamingChatModelBuilderFactory extends Supplier<GambitStreamingChatModel.Builder> {}
