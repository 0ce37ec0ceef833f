package dev.gambit.engine.internal.model;

/** A token's way through the model: the six steps, written once. */
public final class Decoder {

    private final ModelConfig config;
    private final Backend backend;

    /**
     * @param config the model
     * @param backend runs the steps
     */
    public Decoder(ModelConfig config, Backend backend) {
        this.config = config;
        this.backend = backend;
    }

    /** Takes a batch through all layers; logits can be asked for afterwards, until the next batch. */
    public void evaluate(Batch batch) {
        backend.embed(batch);
        for (int layer = 0; layer < config.layers(); layer++) {
            backend.qkv(layer, batch);
            backend.attend(layer, batch);
            backend.output(layer, batch);
            backend.ffn(layer, batch);
        }
    }
}
