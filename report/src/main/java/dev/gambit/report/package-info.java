/** Runs policies over levels, keeps what each point gave, and makes pictures and a page of it. */
package dev.gambit.report;
