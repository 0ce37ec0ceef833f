package dev.gambit.cuda;

/** Which direction of a {@link DeviceMatrix} is contiguous. */
public enum MatrixLayout {
    /** An output's weights: {@code [outputs][inputs]}; outputs can be skipped. */
    ROWS,
    /** An input channel's weights: {@code [inputs][outputs]}; inputs can be skipped. */
    COLUMNS
}
