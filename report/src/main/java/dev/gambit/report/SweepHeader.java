package dev.gambit.report;

import java.util.List;

/**
 * What a sweep measures; points of sweeps that differ in this cannot stand in one picture.
 *
 * @param model the model's name
 * @param type its weights' type
 * @param file the model's file and its size, or the embedded model's name
 * @param thresholds SHA-256 of the thresholds' file, or where else they come from
 * @param texts the texts' names, without folders
 * @param textHash SHA-256 of the texts
 * @param window tokens of a window
 * @param windows number of windows
 * @param cache types of the keys' and the values' cache
 */
public record SweepHeader(
        String model,
        String type,
        String file,
        String thresholds,
        List<String> texts,
        String textHash,
        int window,
        int windows,
        String cache) {}
