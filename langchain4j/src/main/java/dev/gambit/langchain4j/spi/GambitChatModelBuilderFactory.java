package dev.gambit.langchain4j.spi;

import dev.gambit.langchain4j.GambitChatModel;
import java.util.function.Supplier;

/** Makes the builders that {@link GambitChatModel#builder()} returns, where a framework names one in META-INF/services. */
public interface GambitChatModelBuilderFactory extends Supplier<GambitChatModel.Builder> {}
