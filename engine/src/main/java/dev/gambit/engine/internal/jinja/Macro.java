package dev.gambit.engine.internal.jinja;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** A macro, or the body of a call block, together with the scope it was defined in. */
final class Macro implements Callable {

    private final Interpreter interpreter;
    private final Stmt.Signature signature;
    private final List<Stmt> body;
    private final Scope closure;

    Macro(Interpreter interpreter, Stmt.Signature signature, List<Stmt> body, Scope closure) {
        this.interpreter = interpreter;
        this.signature = signature;
        this.body = body;
        this.closure = closure;
    }

    String name() {
        return signature.name();
    }

    @Override
    public Object call(RenderState state, CallArguments arguments) {
        int callLine = state.line;
        Scope scope = new Scope(closure);
        List<String> parameters = signature.parameters();
        Map<String, Object> keywords = new LinkedHashMap<>(arguments.keywords());
        scope.set("caller", keywords.containsKey("caller") ? keywords.remove("caller")
                : new Undefined("no caller defined"));
        int firstDefault = parameters.size() - signature.defaults().size();
        for (int i = 0; i < parameters.size(); i++) {
            String parameter = parameters.get(i);
            Object value;
            if (i < arguments.positional().size()) {
                value = arguments.positional().get(i);
            } else if (keywords.containsKey(parameter)) {
                value = keywords.remove(parameter);
            } else if (i >= firstDefault) {
                value = interpreter.evaluate(signature.defaults().get(i - firstDefault), scope);
            } else {
                value = new Undefined("parameter '" + parameter + "' was not provided");
            }
            scope.set(parameter, value);
        }
        int given = arguments.positional().size();
        scope.set("varargs", Tuple.of(new ArrayList<>(
                arguments.positional().subList(Math.min(parameters.size(), given), given))));
        scope.set("kwargs", new LinkedHashMap<Object, Object>(keywords));
        String text = interpreter.capture(body, scope);
        state.line = callLine;
        return text;
    }
}
