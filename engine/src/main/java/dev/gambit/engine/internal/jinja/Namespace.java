package dev.gambit.engine.internal.jinja;

import java.util.HashMap;
import java.util.Map;

/** What {@code namespace()} makes: the one kind of object whose attributes a template may set. */
final class Namespace {

    final Map<String, Object> attributes = new HashMap<>();
}
