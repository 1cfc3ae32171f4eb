// SPDX-License-Identifier: MIT
#include "session/speech_lines.hpp"

#include <array>
#include <cstddef>

namespace bridge::session {
namespace {

constexpr std::size_t kLines = static_cast<std::size_t>(Line::late) + 1;

/// One language; the lines stand in the order of the enumeration.
struct Language {
  std::string_view tag;
  std::array<std::string_view, kLines> lines;
};

constexpr std::array<Language, 4> kLanguages{{
    {"en",
     {"You are in line for a live agent. Your ticket is **{}**. What you write here now goes to "
      "them; to leave, write: end chat",
      "You are in line for a live agent. What you write here now goes to them; to leave, write: "
      "end "
      "chat",
      "You are in line for a live agent, and can go on here. Your ticket is **{}**.",
      "You are talking to **{}**, and can go on here.",
      "**{}** joined.",
      "A live agent joined.",
      "The live agent has ended the chat. Your ticket is **{}**. You are back with the assistant.",
      "You have ended the chat. Your ticket is **{}**. You are back with the assistant.",
      "The chat has ended because nobody wrote for a while. Your ticket is **{}**. You are back "
      "with the assistant.",
      "The chat was cut off. Your ticket is **{}**. You are back with the assistant.",
      "The earlier chat ({}) is over. I am opening a new one.",
      "Connecting you takes longer than usual. I am still trying.",
      "No live agent could be reached. Please try again in a moment.",
      "It is not certain yet whether a live agent could be reached. Write again to find out.",
      "The chat ({}) is over, so this was not sent. To talk to a person again, write: agent",
      "Too much is waiting already, so your last message was not sent. Please wait a moment.",
      "Files cannot be passed on. Please describe what they show.",
      "That was too long: only its first {} characters were sent.",
      "A message could not be shown here.",
      "This was not delivered: \"{}\". Please send it again.",
      "It is not certain that this was delivered: \"{}\".",
      "Earlier messages are no longer kept and could not be shown.",
      "_(late, out of order)_ "}},
    {"de",
     {"Sie sind in der Warteschlange. Ihr Ticket ist **{}**. Was Sie ab jetzt hier schreiben, geht "
      "an den Mitarbeiter; zum Beenden schreiben Sie: Chat beenden",
      "Sie sind in der Warteschlange. Was Sie ab jetzt hier schreiben, geht an den Mitarbeiter; "
      "zum "
      "Beenden schreiben Sie: Chat beenden",
      "Sie sind in der Warteschlange und können hier weiterschreiben. Ihr Ticket ist **{}**.",
      "Sie sprechen mit **{}** und können hier weiterschreiben.",
      "**{}** ist jetzt im Gespräch.",
      "Ein Mitarbeiter ist jetzt im Gespräch.",
      "Der Mitarbeiter hat das Gespräch beendet. Ihr Ticket ist **{}**. Sie sind wieder beim "
      "Assistenten.",
      "Sie haben das Gespräch beendet. Ihr Ticket ist **{}**. Sie sind wieder beim Assistenten.",
      "Das Gespräch wurde beendet, weil länger niemand geschrieben hat. Ihr Ticket ist **{}**. Sie "
      "sind wieder beim Assistenten.",
      "Das Gespräch wurde unterbrochen. Ihr Ticket ist **{}**. Sie sind wieder beim Assistenten.",
      "Das frühere Gespräch ({}) ist beendet. Ich eröffne ein neues.",
      "Das Verbinden dauert länger als üblich. Ich versuche es weiter.",
      "Es war kein Mitarbeiter zu erreichen. Bitte versuchen Sie es gleich noch einmal.",
      "Es steht noch nicht fest, ob ein Mitarbeiter erreicht wurde. Schreiben Sie noch einmal, um "
      "es zu erfahren.",
      "Das Gespräch ({}) ist beendet, deshalb wurde dies nicht gesendet. Wenn Sie wieder mit einem "
      "Menschen sprechen möchten, schreiben Sie: Mitarbeiter",
      "Es wartet schon zu viel, deshalb wurde Ihre letzte Nachricht nicht gesendet. Bitte warten "
      "Sie einen Moment.",
      "Dateien können nicht weitergegeben werden. Bitte beschreiben Sie, was sie zeigen.",
      "Das war zu lang: Nur die ersten {} Zeichen wurden gesendet.",
      "Eine Nachricht konnte hier nicht gezeigt werden.",
      "Dies wurde nicht zugestellt: \"{}\". Bitte senden Sie es noch einmal.",
      "Es steht nicht fest, ob dies zugestellt wurde: \"{}\".",
      "Frühere Nachrichten sind nicht mehr gespeichert und konnten nicht gezeigt werden.",
      "_(verspätet, nicht in der Reihenfolge)_ "}},
    {"fr",
     {"Vous êtes dans la file d'attente. Votre ticket est **{}**. Ce que vous écrivez ici est "
      "maintenant transmis au conseiller ; pour quitter, écrivez : terminer le chat",
      "Vous êtes dans la file d'attente. Ce que vous écrivez ici est maintenant transmis au "
      "conseiller ; pour quitter, écrivez : terminer le chat",
      "Vous êtes dans la file d'attente et pouvez continuer ici. Votre ticket est **{}**.",
      "Vous parlez avec **{}** et pouvez continuer ici.",
      "**{}** a rejoint la conversation.",
      "Un conseiller a rejoint la conversation.",
      "Le conseiller a terminé la conversation. Votre ticket est **{}**. Vous êtes de retour avec "
      "l'assistant.",
      "Vous avez terminé la conversation. Votre ticket est **{}**. Vous êtes de retour avec "
      "l'assistant.",
      "La conversation est terminée, car personne n'a écrit depuis un moment. Votre ticket est "
      "**{}**. Vous êtes de retour avec l'assistant.",
      "La conversation a été interrompue. Votre ticket est **{}**. Vous êtes de retour avec "
      "l'assistant.",
      "La conversation précédente ({}) est terminée. J'en ouvre une nouvelle.",
      "La mise en relation prend plus de temps que d'habitude. J'essaie encore.",
      "Aucun conseiller n'a pu être joint. Veuillez réessayer dans un instant.",
      "On ne sait pas encore si un conseiller a pu être joint. Écrivez de nouveau pour le savoir.",
      "La conversation ({}) est terminée, ceci n'a donc pas été envoyé. Pour parler de nouveau à "
      "une personne, écrivez : conseiller",
      "Trop de messages attendent déjà, le dernier n'a donc pas été envoyé. Veuillez patienter.",
      "Les fichiers ne peuvent pas être transmis. Veuillez décrire ce qu'ils montrent.",
      "C'était trop long : seuls les {} premiers caractères ont été envoyés.",
      "Un message n'a pas pu être affiché ici.",
      "Ceci n'a pas été remis : \"{}\". Veuillez l'envoyer de nouveau.",
      "On ne sait pas si ceci a été remis : \"{}\".",
      "Les messages précédents ne sont plus conservés et n'ont pas pu être affichés.",
      "_(en retard, pas dans l'ordre)_ "}},
    {"es",
     {"Está en la cola de espera. Su ticket es **{}**. Lo que escriba aquí se envía ahora al "
      "agente; para salir, escriba: terminar chat",
      "Está en la cola de espera. Lo que escriba aquí se envía ahora al agente; para salir, "
      "escriba: "
      "terminar chat",
      "Está en la cola de espera y puede continuar aquí. Su ticket es **{}**.",
      "Está hablando con **{}** y puede continuar aquí.",
      "**{}** se ha unido.",
      "Un agente se ha unido.",
      "El agente ha terminado la conversación. Su ticket es **{}**. Está de nuevo con el "
      "asistente.",
      "Ha terminado la conversación. Su ticket es **{}**. Está de nuevo con el asistente.",
      "La conversación ha terminado porque nadie ha escrito durante un tiempo. Su ticket es "
      "**{}**. Está de nuevo con el asistente.",
      "La conversación se ha interrumpido. Su ticket es **{}**. Está de nuevo con el asistente.",
      "La conversación anterior ({}) ha terminado. Abro una nueva.",
      "La conexión tarda más de lo habitual. Sigo intentándolo.",
      "No se ha podido contactar con ningún agente. Inténtelo de nuevo en un momento.",
      "Aún no se sabe si se ha contactado con un agente. Escriba de nuevo para saberlo.",
      "La conversación ({}) ha terminado, así que esto no se ha enviado. Para volver a hablar con "
      "una persona, escriba: agente",
      "Ya hay demasiados mensajes en espera y el último no se ha enviado. Espere un momento.",
      "No se pueden transmitir archivos. Describa lo que muestran.",
      "Era demasiado largo: solo se han enviado los primeros {} caracteres.",
      "No se ha podido mostrar un mensaje aquí.",
      "Esto no se ha entregado: \"{}\". Envíelo de nuevo.",
      "No es seguro que esto se haya entregado: \"{}\".",
      "Los mensajes anteriores ya no se conservan y no se han podido mostrar.",
      "_(con retraso, fuera de orden)_ "}},
}};

const Language& language_of(std::string_view locale) {
  const auto lower = [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  };
  for (const Language& language : kLanguages) {
    if (locale.size() < 2 || (locale.size() > 2 && locale[2] != '-' && locale[2] != '_')) continue;
    if (lower(locale[0]) == language.tag[0] && lower(locale[1]) == language.tag[1]) return language;
  }
  return kLanguages.front();
}

}  // namespace

std::string line(Line which, std::string_view locale, std::string_view detail) {
  std::string text(language_of(locale).lines[static_cast<std::size_t>(which)]);
  const auto place = text.find("{}");
  if (place != std::string::npos) text.replace(place, 2, detail.empty() ? "-" : detail);
  return text;
}

}  // namespace bridge::session
