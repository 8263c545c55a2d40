"""The theme: dark, for a terminal at night. Every color of the console has its name here."""

from textual.theme import Theme

DARK = Theme(
    name="vedette-dark",
    primary="#5aa9e6",
    secondary="#7f9bb3",
    accent="#5aa9e6",
    warning="#e3b341",
    error="#ff7b54",
    success="#63c98a",
    foreground="#d5dde5",
    background="#0e1317",
    surface="#141b21",
    panel="#1b242c",
    dark=True,
    variables={
        "tone-dim": "#8494a3",
        "tone-strong": "#ffffff",
        "tone-accent": "#7cbcf0",
        "tone-good": "#63c98a",
        "tone-warning": "#e9bf55",
        "tone-bad": "#ff8f6b",
        "tone-critical": "#ffffff",
        "tone-critical-back": "#b3261e",
        "cursor-back": "#24425c",
        "cursor-back-blurred": "#1f2c37",
        "footer-key-foreground": "#7cbcf0",
        "footer-background": "#1b242c",
        "input-selection-background": "#24425c",
        "block-cursor-background": "#24425c",
        "scrollbar": "#2b3945",
        "scrollbar-background": "#141b21",
        "scrollbar-hover": "#3a4c5b",
        "scrollbar-active": "#5aa9e6",
    },
)
