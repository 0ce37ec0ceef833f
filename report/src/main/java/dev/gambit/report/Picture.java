package dev.gambit.report;

import dev.gambit.engine.GambitException;
import java.awt.Dimension;
import java.awt.Graphics2D;
import java.awt.RenderingHints;
import java.awt.geom.Rectangle2D;
import java.awt.image.BufferedImage;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.StringWriter;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import javax.imageio.ImageIO;
import javax.xml.parsers.DocumentBuilderFactory;
import javax.xml.parsers.ParserConfigurationException;
import org.apache.batik.svggen.SVGGraphics2D;
import org.w3c.dom.Document;

/**
 * A drawing as SVG, with letters as outlines so that it looks the same everywhere, and as PNG of twice the size.
 *
 * @param name the files' name without {@code .svg} and {@code .png}
 * @param alternative what it shows, for those who do not see it
 * @param svg the SVG file's text
 * @param png the PNG file's bytes
 */
record Picture(String name, String alternative, String svg, byte[] png) {

    private static final int SCALE = 2;

    /** What draws. */
    @FunctionalInterface
    interface Drawing {
        void draw(Graphics2D g, Rectangle2D area);
    }

    /** Draws. */
    static Picture of(String name, String alternative, int width, int height, Drawing drawing) {
        Rectangle2D area = new Rectangle2D.Double(0, 0, width, height);
        return new Picture(name, alternative, svg(width, height, area, drawing), png(width, height, area, drawing));
    }

    private static String svg(int width, int height, Rectangle2D area, Drawing drawing) {
        try {
            DocumentBuilderFactory factory = DocumentBuilderFactory.newInstance();
            factory.setNamespaceAware(true);
            Document document = factory.newDocumentBuilder()
                    .getDOMImplementation()
                    .createDocument("http://www.w3.org/2000/svg", "svg", null);
            SVGGraphics2D g = new SVGGraphics2D(document);
            g = new SVGGraphics2D(g.getGeneratorContext(), true);
            g.setSVGCanvasSize(new Dimension(width, height));
            drawing.draw(g, area);
            StringWriter text = new StringWriter();
            g.stream(text, true);
            // without the document type, which would have a browser look for it
            String svg = text.toString();
            return svg.substring(svg.indexOf("<svg")).replaceFirst(
                    "<svg ", "<svg viewBox=\"0 0 " + width + " " + height + "\" ");
        } catch (ParserConfigurationException e) {
            throw new IllegalStateException(e);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static byte[] png(int width, int height, Rectangle2D area, Drawing drawing) {
        BufferedImage image = new BufferedImage(SCALE * width, SCALE * height, BufferedImage.TYPE_INT_RGB);
        Graphics2D g = image.createGraphics();
        try {
            g.setRenderingHint(RenderingHints.KEY_ANTIALIASING, RenderingHints.VALUE_ANTIALIAS_ON);
            g.setRenderingHint(RenderingHints.KEY_TEXT_ANTIALIASING, RenderingHints.VALUE_TEXT_ANTIALIAS_ON);
            g.setRenderingHint(RenderingHints.KEY_STROKE_CONTROL, RenderingHints.VALUE_STROKE_PURE);
            g.setRenderingHint(RenderingHints.KEY_FRACTIONALMETRICS, RenderingHints.VALUE_FRACTIONALMETRICS_ON);
            g.scale(SCALE, SCALE);
            drawing.draw(g, area);
        } finally {
            g.dispose();
        }
        try (ByteArrayOutputStream bytes = new ByteArrayOutputStream()) {
            ImageIO.setUseCache(false);
            ImageIO.write(image, "png", bytes);
            return bytes.toByteArray();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Writes both files into a folder. */
    void write(Path folder) {
        try {
            Files.write(folder.resolve(name + ".png"), png);
            Files.writeString(folder.resolve(name + ".svg"), svg, StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new GambitException(GambitException.line(
                    folder.toString(), "a folder that can be written", String.valueOf(e.getMessage()),
                    "check the folder and the room in it"), e);
        }
    }
}
