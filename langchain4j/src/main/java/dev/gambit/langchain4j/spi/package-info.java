/** Where frameworks put builders of their own in place of ours, as with every model of langchain4j. */
package dev.gambit.langchain4j.spi;
